-- Browser sessions. Anonymous ones exist too, while somebody fills in a form.
create table session (
  id text primary key,                 -- sha256 of the key in the cookie, hex
  account_id text references account (id),
  data text not null,                  -- JSON: the form key and what is under way
  address text not null,               -- of the last writer
  agent text not null,
  created_at bigint not null,
  used_at bigint not null,
  expires_at bigint not null
);
create index session_account on session (account_id);
create index session_expiry on session (expires_at);

-- Something a person is to confirm in the browser while a command line waits for it.
create table challenge (
  id text primary key,                 -- stands in the address the person opens
  poll text not null unique,           -- sha256 of what the command line asks with, hex
  purpose text not null,               -- login | otp | pass (a confirmed otp, to be spent once)
  account_id text references account (id),   -- login: who allowed it; otp, pass: who must be the one
  description text not null,           -- the computer's name as it told it
  address text not null,
  agent text not null,
  created_at bigint not null,
  expires_at bigint not null,
  allowed_at bigint,
  denied_at bigint
);
create index challenge_expiry on challenge (expires_at);

-- Who a provider says somebody is. `subject` is its stable id: login names can change hands.
create table identity (
  provider text not null,
  subject text not null,
  account_id text not null references account (id),
  name text not null,                  -- as the provider showed it when last used
  token text,                          -- the provider's access token, sealed
  linked_at bigint not null,
  used_at bigint not null,
  primary key (provider, subject)
);
create index identity_account on identity (account_id);

-- One-time links to make an account. A used one is deleted.
create table invitation_link (
  hash text primary key,               -- sha256 of the link's secret, hex
  role text not null,                  -- admin | member: what the new account will be
  created_by text references account (id),   -- null: the registry itself, at its first start
  created_at bigint not null,
  expires_at bigint not null
);

create table second_factor (
  account_id text primary key references account (id),
  secret text not null,                -- the TOTP key, sealed
  mode text not null,                  -- auth-only | auth-and-writes
  last_step bigint not null,           -- the 30 seconds of the last code taken: none is taken twice
  created_at bigint not null,
  confirmed_at bigint                  -- null: set up, but no code was shown yet
);

create table recovery_code (
  account_id text not null references account (id),
  hash text not null,                  -- sha256, hex
  primary key (account_id, hash)
);

create table passkey (
  id text primary key,                 -- the credential's id, base64url
  account_id text not null references account (id),
  public_key text not null,            -- base64url
  counter bigint not null,
  transports text not null,            -- JSON array
  name text not null,
  created_at bigint not null,
  used_at bigint
);
create index passkey_account on passkey (account_id);

-- What a token may touch; null: whatever its account may.
alter table token add column packages text;      -- JSON array of npm names
alter table token add column namespaces text;    -- JSON array
alter table token add column cidr text;          -- JSON array of addresses with or without prefix length
alter table token add column bypass_at bigint;   -- since when it needs no second factor where the account asks for one

-- Every account action, in order, for ever: rows are only added.
create table audit (
  seq IDENTITY,
  at bigint not null,
  actor text,                          -- the account's name, as it was; null: nobody was logged in
  action text not null,
  subject text not null,               -- whom or what it was done to
  address text not null,               -- from where; '' for the registry's own machine
  detail text not null                 -- JSON
);
create index audit_actor on audit (actor, seq);
