-- Versions that wait for somebody to approve them. Nobody can install them; their number is taken.
create table staged (
  id text primary key,
  npm_name text not null,              -- the package need not exist yet
  version text not null,
  tarball text not null,
  sha1 text not null,
  size bigint not null,
  request text not null,               -- JSON: what else came with it
  build text,                          -- JSON: the trusted build that staged it
  account_id text not null references account (id),
  created_at bigint not null,
  unique (npm_name, version)
);
create index staged_account on staged (account_id);
