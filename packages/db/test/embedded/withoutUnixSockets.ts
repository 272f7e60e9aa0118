/** Installs a seccomp filter under which socket(AF_UNIX) fails with EPERM, and runs its arguments. */
export const WITHOUT_UNIX_SOCKETS = `
import ctypes, os, platform, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
socket = {'x86_64': 41, 'aarch64': 198}[platform.machine()]
def op(code, jt, jf, k): return struct.pack('HBBI', code, jt, jf, k)
program = (op(0x20, 0, 0, 0) + op(0x15, 0, 3, socket) + op(0x20, 0, 0, 16) + op(0x15, 0, 1, 1)
  + op(0x06, 0, 0, 0x00050001) + op(0x06, 0, 0, 0x7fff0000))
filter = ctypes.create_string_buffer(program, len(program))
class Program(ctypes.Structure): _fields_ = [('len', ctypes.c_ushort), ('filter', ctypes.c_void_p)]
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.byref(Program(len(program) // 8, ctypes.addressof(filter))), 0, 0) == 0
os.execv(sys.argv[1], sys.argv[1:])
`
