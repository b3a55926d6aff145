create table star (
  account_id text not null references account (id),
  package_id text not null references package (id),
  primary key (account_id, package_id)
);
