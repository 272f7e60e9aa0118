-- Every turn of either side starts so. The baseline's tables only grow, so they are made anew, with
-- as many released rows as the range of ours has free slots: in an empty one the planner would
-- choose to scan it, and go on scanning as it fills.
truncate baseline.allocations, baseline.whole_indexes;

insert into baseline.allocations (project_name, service_name, ordinal, port_number, status)
select '1', 'nobody', 0, number, 'released'
from generate_series(1, 1000) as number;

insert into baseline.whole_indexes (project_name, service_name, ordinal, port_number, status)
select '1', 'nobody', 0, number, 'released'
from generate_series(1, 1000) as number;
