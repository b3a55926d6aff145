-- Times are integer milliseconds (UTC). `null` in an `…_at` column means "has not happened".
create table account (
  id text primary key,
  name text not null unique,
  email text not null default '',
  password text,                       -- scrypt, self-describing; null: cannot log in by password
  role text not null,                  -- admin | member
  created_at bigint not null,
  disabled_at bigint
);

create table namespace (
  name text primary key,
  created_at bigint not null,
  created_by text references account (id)
);

create table membership (
  namespace text not null references namespace (name),
  account_id text not null references account (id),
  role text not null,                  -- owner | member
  invited_by text references account (id),
  invited_at bigint not null,
  accepted_at bigint,                  -- null: invited, not a member yet
  primary key (namespace, account_id)
);
create index membership_account on membership (account_id);

create table token (
  id text primary key,
  account_id text not null references account (id),
  hash text not null unique,           -- sha256 of the whole secret, hex; the secret itself is never stored
  hint text not null,                  -- the secret's first characters, for people to recognise it
  description text not null,
  access text not null,                -- read | publish
  created_at bigint not null,
  used_at bigint,
  expires_at bigint
);
create index token_account on token (account_id);

-- Built in: what came from npm, and what was abandoned. Nobody is a member of either.
insert into namespace (name, created_at) values ('legacy', 0), ('abandonware', 0);
