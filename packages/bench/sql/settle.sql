-- Each turn of either side starts in this state. The baseline's tables and the events of both
-- sides only grow, so they are emptied. The baseline's tables then get as many released rows as the
-- range of the registry has free slots: the planner would choose to scan an empty table, and would
-- still scan it after it has filled.
truncate ports.port_events, baseline.events, baseline.allocations, baseline.whole_indexes;

insert into baseline.allocations (project_name, port_number)
select '1', number
from generate_series(1, 1000) as number;

insert into baseline.whole_indexes (project_name, port_number)
select '1', number
from generate_series(1, 1000) as number;
