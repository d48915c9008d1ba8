"""People who work here: accounts, roles, teams, skills, calendars. Tables and pure rules; log-in is the gateway's."""
