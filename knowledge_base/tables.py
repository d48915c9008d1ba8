"""Tables of the knowledge base. Vectors and releases live here; index files are a cache built from them."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, Text, UniqueConstraint

from core.columns import Json, SealedText, UtcTime
from core.db import metadata
from core.tables import BigKey

articles = Table(
    "articles",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("key", String(60), nullable=False, unique=True),  # stable slug for imports and addresses
    Column("area", String(40), nullable=False),
    Column("category_id", String(60), nullable=False),
    Column("public", Boolean, nullable=False, default=True),  # shown in the help centre
    Column("draft_revision", Integer, nullable=False, default=1),
    Column("published_revision", Integer),  # null: never visible to search
    Column("archived_at", UtcTime),
    Column("demo", Boolean, nullable=False, default=False),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Column("updated_by", String(40), nullable=False),
)

article_revisions = Table(
    "article_revisions",
    metadata,
    Column("article_id", ForeignKey("articles.id", ondelete="CASCADE"), primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("title", String(120), nullable=False),
    Column("question", String(200), nullable=False),
    Column("variants", Json, nullable=False),  # list of texts
    Column("answer", Text, nullable=False),  # Markdown
    Column("at", UtcTime, nullable=False),
    Column("by", String(40), nullable=False),
)

questions = Table(
    "questions",
    metadata,
    Column("id", BigKey, primary_key=True),  # the id in FAISS
    Column("article_id", ForeignKey("articles.id", ondelete="CASCADE"), nullable=False),
    Column("text", String(400), nullable=False),
    Column("kind", String(10), nullable=False),  # question, variant, passage
    UniqueConstraint("article_id", "kind", "text", name="uq_questions_article_id_kind_text"),
)

vectors = Table(
    "vectors",
    metadata,
    Column("content_hash", String(64), primary_key=True),  # of the normalised text
    Column("model_id", String(80), primary_key=True),  # spaces of two models never mix
    Column("vector", LargeBinary, nullable=False),  # float32, little endian
)

releases = Table(
    "releases",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("number", Integer, nullable=False, unique=True),
    Column("kind", String(12), nullable=False),  # publish, retract, rollback, rebuild
    Column("manifest", Json, nullable=False),  # {articles: {article_id: revision}, model_id, normaliser, …}
    Column("note", String(200), nullable=False, default=""),
    Column("at", UtcTime, nullable=False),
    Column("by", String(40), nullable=False),
    Column("demo", Boolean, nullable=False, default=False),
)

current_release = Table(
    "current_release",
    metadata,
    Column("one", Integer, primary_key=True),  # always 1
    Column("release_id", ForeignKey("releases.id"), nullable=False),
    Column("at", UtcTime, nullable=False),
)

gaps = Table(
    "gaps",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("text", SealedText, nullable=False),
    Column("normalised", SealedText, nullable=False),
    Column("conversation_id", String(40), nullable=False),
    Column("customer_id", String(40), nullable=False),
    Column("exchange_id", String(40), nullable=False, unique=True),
    Column("decision", String(20), nullable=False),  # ask, none, rejected (都不是), unhelpful
    Column("nearest_article_id", String(40)),
    Column("nearest_probability", Integer),  # per mille
    Column("at", UtcTime, nullable=False),
    Column("demo", Boolean, nullable=False, default=False),
    Index("ix_gaps_at", "at"),
)

choice_labels = Table(
    "choice_labels",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("exchange_id", String(40), nullable=False),
    Column("query", SealedText, nullable=False),
    Column("article_id", String(40)),  # null: 都不是
    Column("at", UtcTime, nullable=False),
)
