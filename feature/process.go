package feature

import "time"

// Process is a process of the supervisor's machine.
type Process struct {
	PID   int
	Name  string
	State byte // R, S, D, Z, T or I, as the kernel says (proc_pid_stat(5))
	TTY   bool // it has a controlling terminal
	// Runtime is the processor time of all its threads, in user mode and in
	// the kernel.
	Runtime time.Duration
	// Invoked is how often its first thread was given a processor, and Slice
	// how long it kept it on average; 0 if the kernel does not count.
	Invoked uint64
	Slice   time.Duration
	Share   Shares
	// Resident, Virtual and Limit are octets of memory: in use, of its address
	// space, and allowed to be in use.
	Resident, Virtual, Limit uint64
	// StackBase and StackPointer are addresses, 0 where the kernel keeps them
	// secret.
	StackBase, StackPointer uint64
}

// Shares are percentages of all processors: over the last seconds, and averages
// that decay over one and five minutes, as load averages do.
type Shares struct{ FiveSeconds, Minute, FiveMinutes float64 }
