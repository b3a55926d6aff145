-- How the packages are ranked that a search finds, in one narrow row each: reading wide ones for thousands took most of its time.
alter table popularity add column date text;  -- ISO, as search_entry has it
insert into popularity (package_id, weight, date)
  select package_id, 0, date from search_entry where date is not null
  on conflict (package_id) do update set date = excluded.date;

-- The same rows, found and weighed by one index alone.
create table search_weight (
  term text not null,
  package_id text not null references package (id),
  weight bigint not null               -- a higher one comes first
);
insert into search_weight (term, package_id, weight) select term, package_id, weight from search_term;
drop table search_term;
alter table search_weight rename to search_term;
create index search_term_weight on search_term (term, package_id, weight);
create index search_term_package on search_term (package_id);

-- Few, where most is public; search.ts says the same words.
create index package_hidden on package (id) where access <> 'public' or removed_at is not null or host <> '';
