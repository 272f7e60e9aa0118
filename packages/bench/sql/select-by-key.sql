\set id random(:lowest, :highest)
select port_number from ports.port_allocations where id = :id;
