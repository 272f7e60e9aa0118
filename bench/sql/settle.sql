-- Every turn of either side starts so. The baseline's tables only grow, and so do the events of both,
-- so they are made anew; the baseline's with as many released rows as the range of ours has free
-- slots: in an empty one the planner would choose to scan it, and go on scanning as it fills.
truncate ports.port_events, baseline.events, baseline.allocations, baseline.whole_indexes;

insert into baseline.allocations (project_name, port_number)
select '1', number
from generate_series(1, 1000) as number;

insert into baseline.whole_indexes (project_name, port_number)
select '1', number
from generate_series(1, 1000) as number;
