-- Which builds may publish a package without a token of their own: what the build server's identity token must say.
create table trust (
  id text primary key,
  package_name text not null,          -- npm name; the package need not exist yet
  type text not null,                  -- github | gitlab | circleci
  claims text not null,                -- JSON, as npm trust sends it
  permissions text not null,           -- JSON: createPackage, createStagedPackage
  account_id text not null references account (id), -- in whose name they publish
  created_at bigint not null
);
create index trust_package on trust (package_name);

-- Tokens given for an identity token; they go with the rule.
alter table token add column trust_id text references trust (id);
create index token_trust on token (trust_id);

-- Identity tokens that were taken: each counts once for each package.
create table identity_token (
  issuer text not null,
  jti text not null,
  package_name text not null,
  expires_at bigint not null,
  primary key (issuer, jti, package_name)
);
create index identity_token_expiry on identity_token (expires_at);
