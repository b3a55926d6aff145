-- Work that one of several servers does for all. Times are by the database's clock, which they share.
create table lease (
  name text primary key,
  holder text not null,
  fence bigint not null,               -- rises whenever the lease changes hands; what an earlier holder still writes is refused by it
  until bigint not null
);
