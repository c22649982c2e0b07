package ntp

import (
	"time"

	"golang.org/x/sys/unix"
)

// Machine is the clock of the machine. To set it takes CAP_SYS_TIME.
type Machine struct{}

var _ Clock = Machine{}

// singleShot is ADJ_OFFSET_SINGLESHOT of adjtimex(2): the kernel slews the clock by
// the offset, in microseconds, at 500 parts in a million, instead of by what was
// left of the last one.
const singleShot = 0x8001

// Slew implements Clock.
func (Machine) Slew(by time.Duration) error {
	_, err := unix.Adjtimex(&unix.Timex{Modes: singleShot, Offset: by.Microseconds()})
	return err
}

// Step implements Clock.
func (Machine) Step(by time.Duration) error { return SetTime(time.Now().Add(by)) }

// SetTime sets the clock of the machine.
func SetTime(to time.Time) error {
	ts := unix.NsecToTimespec(to.UnixNano())
	return unix.ClockSettime(unix.CLOCK_REALTIME, &ts)
}
