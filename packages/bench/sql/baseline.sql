-- The baseline that the registry is compared with: a table that is written to, one commit at a time,
-- and a table of events, to which each of these commits adds one.
--
-- They are copies, so they always have the columns of ports.port_allocations and ports.port_events
-- and the same number and kinds of indexes, unique and partial alike. Everything else that slows a
-- write is left out: domains with their checks, the foreign key, triggers, and the hash by which a
-- service is looked up. The comparison therefore favours the baseline.
create schema baseline;

create table baseline.allocations (
  like ports.port_allocations including defaults including identity including indexes
)
-- The registry's own settings: the same space on each page, and the same frequent autovacuum.
with (
  fillfactor = 70,
  autovacuum_vacuum_scale_factor = 0,
  autovacuum_vacuum_threshold = 2000,
  autovacuum_analyze_scale_factor = 0,
  autovacuum_analyze_threshold = 10000
);

alter table baseline.allocations
  alter column project_name type varchar(63) collate "C",
  alter column instance type varchar(63) collate "C",
  alter column service_name type varchar(63) collate "C",
  alter column hostname type varchar(253) collate "C",
  alter column protocol type varchar(3) collate "C",
  alter column status type varchar(9) collate "C";

-- "As many indexes" can also mean indexes of whole tables. None can be unique, because released rows
-- repeat their numbers. An insert then adds entries to four indexes, and the update to none (it is a
-- HOT update). With the partial indexes, the insert adds entries to three and the update to two.
create table baseline.whole_indexes (
  like baseline.allocations including defaults including identity
)
with (
  fillfactor = 70,
  autovacuum_vacuum_scale_factor = 0,
  autovacuum_vacuum_threshold = 2000,
  autovacuum_analyze_scale_factor = 0,
  autovacuum_analyze_threshold = 10000
);

alter table baseline.whole_indexes add primary key (id);
create index on baseline.whole_indexes (hostname, protocol, port_number);
create index on baseline.whole_indexes (service_key, protocol, ordinal);
create index on baseline.whole_indexes (project_name, hostname, protocol, port_number);

create table baseline.events (
  like ports.port_events including defaults including identity including indexes
);
