-- Who is told of changes to packages. "kind" and "name": one package (its npm name), a scope or an owner (a namespace), or the registry ('').
create table webhook (
  id text primary key,
  kind text not null,                  -- package | scope | owner | registry
  name text not null,
  url text not null,
  secret text not null,                -- sealed
  account_id text not null references account (id),
  created_at bigint not null,
  updated_at bigint not null
);
create index webhook_target on webhook (kind, name);

-- What is to be told, written in the transaction of the change itself, and how the telling went.
create table delivery (
  id text primary key,
  webhook_id text not null references webhook (id) on delete cascade,
  event text not null,
  body text not null,                  -- exactly what is sent and signed
  created_at bigint not null,
  attempts integer not null,
  due_at bigint,                       -- null: nothing is left to do
  tried_at bigint,
  status integer,                      -- of the last answer; null: there was none
  problem text                         -- null: it was taken
);
create index delivery_due on delivery (due_at);
create index delivery_webhook on delivery (webhook_id, created_at);
