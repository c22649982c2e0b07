package tap

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// instruction is struct bpf_insn.
type instruction struct {
	code, registers uint8
	offset          int16
	imm             int32
}

// Operations of the program: loads of a frame's bytes to r0, moves and jumps.
const (
	opMove  = 0xbf // r = r
	opLow   = 0xbc // r = lower half of r
	opWord  = 0x20 // r0 = four bytes at imm
	opHalf  = 0x28
	opByte  = 0x30
	opXor   = 0xac
	opRight = 0x74 // r >>= imm
	opAnd   = 0x54 // r &= imm
	opEqual = 0x15 // skip offset instructions if r0 == imm
	opOther = 0x55 // and if it is not
	opSkip  = 0x05
	opExit  = 0x95

	frameTo6 = 0x16 // r6 = r1
	r0To7    = 0x07 // r7 op r0
	r7To0    = 0x70
	r7Alone  = 0x07
)

// steering is the program that chooses the queue of a frame, by its MAC addresses, its IP
// addresses and the ports of TCP and UDP; fragments go by their addresses. Left to itself, the
// kernel moves a flow to another queue when the first frame of the other
// direction is written, and what is in the old queue is overtaken.
var steering = [...]instruction{
	{opMove, frameTo6, 0, 0},
	{opWord, 0, 0, 2},
	{opMove, r0To7, 0, 0},
	{opWord, 0, 0, 8},
	{opXor, r0To7, 0, 0},
	{opHalf, 0, 0, 12},
	{opEqual, 0, 16, 0x86dd}, // to IPv6
	{opOther, 0, 24, 0x0800}, // to the end
	{opWord, 0, 0, 26},
	{opXor, r0To7, 0, 0},
	{opWord, 0, 0, 30},
	{opXor, r0To7, 0, 0},
	{opHalf, 0, 0, 20},
	{opAnd, 0, 0, 0x3fff},
	{opOther, 0, 17, 0}, // a fragment
	{opByte, 0, 0, 14},
	{opOther, 0, 15, 0x45}, // with options
	{opByte, 0, 0, 23},
	{opEqual, 0, 1, 6},
	{opOther, 0, 12, 17},
	{opWord, 0, 0, 34},
	{opXor, r0To7, 0, 0},
	{opSkip, 0, 9, 0},
	{opWord, 0, 0, 34}, // IPv6
	{opXor, r0To7, 0, 0},
	{opWord, 0, 0, 50},
	{opXor, r0To7, 0, 0},
	{opByte, 0, 0, 20},
	{opEqual, 0, 1, 6},
	{opOther, 0, 2, 17},
	{opWord, 0, 0, 54},
	{opXor, r0To7, 0, 0},
	{opLow, r7To0, 0, 0}, // the end: fold to one byte
	{opRight, r7Alone, 0, 16},
	{opXor, r7To0, 0, 0},
	{opLow, r0To7, 0, 0},
	{opRight, r7Alone, 0, 8},
	{opXor, r7To0, 0, 0},
	{opAnd, 0, 0, 0xff},
	{opExit, 0, 0, 0}, // the queue is r0 modulo their number
}

// steer keeps each flow on one of the device's queues.
func steer(fd int) error {
	license := [4]byte{'G', 'P', 'L', 0}
	attributes := struct {
		kind, count      uint32
		program, license uint64
		_                [16]byte // no log
		_                [2]uint32
	}{
		kind: unix.BPF_PROG_TYPE_SOCKET_FILTER, count: uint32(len(steering)),
		program: uint64(uintptr(unsafe.Pointer(&steering))), license: uint64(uintptr(unsafe.Pointer(&license))),
	}
	program, _, e := unix.Syscall(unix.SYS_BPF, unix.BPF_PROG_LOAD, uintptr(unsafe.Pointer(&attributes)), unsafe.Sizeof(attributes))
	runtime.KeepAlive(&license)
	if e != 0 {
		return fmt.Errorf("load the program that chooses queues: %w", e)
	}
	defer unix.Close(int(program)) // the device keeps it
	if err := unix.IoctlSetPointerInt(fd, unix.TUNSETSTEERINGEBPF, int(program)); err != nil {
		return fmt.Errorf("choose queues by program: %w", err)
	}
	return nil
}
