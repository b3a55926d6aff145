-- What an administrator changes while servers run.
create table setting (
  name text primary key,
  value text not null
);
