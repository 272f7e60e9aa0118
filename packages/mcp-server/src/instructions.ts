/**
 * The description of all tools together. Hosts show it to the model, with the names of the tools,
 * before anything else, and truncate it if it is long.
 */
export const INSTRUCTIONS = `\
The registry that gives every service a port of its own, for all projects and agents that share it. \
Call get-port before you start a server or write a port down, and use the port it returns. It is \
the same every time, whether the service runs or not.

- A new project: if get-port answers PROJECT_NOT_FOUND and the name is right, call create-range, \
then get-port again.
- EADDRINUSE, or a server that moved on to another port: call get-port again, or inspect-port for \
any number. It says which process listens there. If that is the service, use it and do not start a second one. Otherwise leave the \
process alone unless you started it, and do as the answer says.
- Worktrees and clones: pass directory, the absolute path in which you work. If a ports.json there \
or above names the project, each copy has its own ports, and the answer names the instance.
- A number that the user wants: pass it to get-port as portNumber. If it is refused, tell the user \
who holds it and which numbers the answer names. Never take a number that another service holds, \
even if that service is down.
- Several ports for one service: allocate-port with count, and contiguous if they must be \
consecutive.
- Cleaning up: end only processes that you started. A stopped service keeps its port: do not \
release it. release-port is for a service that is gone for good.
- The database is unavailable (DATABASE_UNAVAILABLE and similar): do not pick a port yourself. Tell \
the user.`
