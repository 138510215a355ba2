-- What a client said with logging/setLevel; sessions start with the lines of this level.
ALTER TABLE sessions ADD COLUMN log_level TEXT NOT NULL DEFAULT 'info';
