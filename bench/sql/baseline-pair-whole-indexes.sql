-- The same number of commits: an insert of a live row, an update by primary key. Each client keeps
-- to numbers and services of its own, so that nobody is refused or waits.
\set project random(1, :ranges)
\set service :client_id * 1000 + random(0, 999)
\set port 1 + :client_id * 2000 + random(0, 1999)
insert into baseline.whole_indexes (project_name, service_name, port_number, ordinal)
values (:project, :service, :port, 1)
returning id \gset
update baseline.whole_indexes set status = 'released' where id = :id;
