"""Work on a ticket: compensation, custom fields, followers, links, playbooks."""

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
