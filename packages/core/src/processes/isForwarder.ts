/**
 * The programs that Docker and Podman run to listen on the published ports of containers. They
 * include the user-mode networks of rootless containers.
 */
const FORWARDER =
  /^(?:\S*\/)?(?:conmon|docker-proxy|(?:containers-)?rootlessport|rootlesskit|slirp4netns|pasta(?:\.avx2)?)(?: |$)/

/**
 * Whether a process listens for a container. The working directory of such a process is that of
 * the program that started the container, so it does not identify the container.
 */
export function isForwarder(command: string | undefined): boolean {
  return command !== undefined && FORWARDER.test(command)
}
