import { expect, test } from 'vitest'
import { containerIds, containerOf } from '../../src/containers/containerOf.js'

const ID = '736d278e16190eddce93b6508e01899d6963403194a67da934be8d710ae4d362'
const INNER = '78c2114bb46d943c938f0a9c18fa22f27a7aa0da75123e284571b58aa2921eb8'
const POD = 'd2dea71e138c7d590a499b23121041978e32c08736007afa48b227990383f3f6'

test.each([
  ['Docker with cgroupfs', `0::/docker/${ID}`],
  ['Docker with systemd', `0::/system.slice/docker-${ID}.scope`],
  [
    'rootless Docker',
    `0::/user.slice/user-1000.slice/user@1000.service/user.slice/docker-${ID}.scope`,
  ],
  ['Podman with cgroupfs', `0::/libpod_parent/libpod-${ID}`],
  ['Podman with systemd', `0::/machine.slice/libpod-${ID}.scope/container`],
  [
    'rootless Podman',
    `0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${ID}.scope/container`,
  ],
  ['a pod', `0::/machine.slice/machine-libpod_pod_${POD}.slice/libpod-${ID}.scope/container`],
  ['a unit of Podman', `0::/system.slice/web.service/libpod-payload-${ID}`],
  [
    'Kubernetes with systemd',
    `0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1f2e.slice/cri-containerd-${ID}.scope`,
  ],
  ['Kubernetes with cgroupfs', `0::/kubepods/besteffort/pod1f2e-44aa/${ID}`],
  ['CRI-O', `0::/kubepods.slice/kubepods-pod1f2e.slice/crio-${ID}.scope`],
  [
    'containerd in a unit',
    `0::/system.slice/containerd.service/kubepods-pod1f2e.slice:cri-containerd:${ID}`,
  ],
  ['another cgroup namespace', `0::/../../docker-${ID}.scope`],
  [
    'every controller of version 1',
    `12:pids:/docker/${ID}\n2:cpu,cpuacct:/docker/${ID}\n1:name=systemd:/docker/${ID}\n0::/\n`,
  ],
])('a cgroup of %s tells its container', (_, cgroups) => {
  expect(containerIds(cgroups)).toEqual([ID])
})

test('a cgroup in that of an outer container tells both', () => {
  expect(containerIds(`0::/docker/${ID}/docker/${INNER}\n`)).toEqual([ID, INNER])
})

test.each([
  '0::/',
  '0::/user.slice/user-1000.slice/session-2.scope',
  '4:memory:/libpod_parent/conmon',
  `0::/machine.slice/libpod-conmon-${ID}.scope`,
  `0::/machine.slice/machine-libpod_pod_${POD}.slice`,
  `0::/docker/${ID.slice(1)}`,
  `0::/docker/${ID}0`,
  `0::/docker-${ID}.service`,
  '',
])('the cgroup %j is of no container', (cgroups) => {
  expect(containerIds(cgroups)).toEqual([])
})

test('a process that is not there is in no container', () => {
  expect(containerOf(2 ** 22 + 1, [])).toBeUndefined()
})
