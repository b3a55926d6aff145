-- Named subsets of the members of a namespace. `developers`, all of them, has a row only where it was granted something.
create table team (
  namespace text not null references namespace (name),
  name text not null,
  created_by text references account (id),
  created_at bigint not null,
  primary key (namespace, name)
);

-- Who leaves the namespace leaves its teams, whichever release takes the membership away.
create table team_member (
  namespace text not null,
  team text not null,
  account_id text not null,
  primary key (namespace, team, account_id),
  foreign key (namespace, team) references team (namespace, name) on delete cascade,
  foreign key (namespace, account_id) references membership (namespace, account_id) on delete cascade
);
create index team_member_account on team_member (account_id, namespace);

-- What the members of a team may do with a package that their namespace need not maintain.
create table team_package (
  package_id text not null references package (id),
  namespace text not null,
  team text not null,
  permission text not null,            -- read | write
  granted_by text references account (id),
  granted_at bigint not null,
  primary key (package_id, namespace, team),
  foreign key (namespace, team) references team (namespace, name) on delete cascade
);
create index team_package_team on team_package (namespace, team);
