package tap

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/songgao/water"
	"golang.org/x/sys/unix"
)

// OpenInband opens the host's own port into the switch: its presence in a VLAN.
// The device is made by songgao/water, without virtio header: what the host's
// stack sends is small, checksummed by the stack, and has no need of offloads.
// It vanishes with the port unless c.Persist is set.
func OpenInband(c Config) (*Port, error) {
	p, err := openFDs(c, func() ([]int, error) {
		fd, err := fromWater(c)
		return []int{fd}, err
	})
	if err != nil {
		return nil, err
	}
	c.NoRing = true // a few frames a second
	p.share(c)
	p.driver = "inband water"
	if err := p.prepare(c); err != nil {
		return nil, errors.Join(err, p.discard())
	}
	return p, nil
}

// fromWater opens the device and returns a descriptor of our own: the one that
// water holds is registered with the runtime's poller, which would wake up for
// every frame.
func fromWater(c Config) (int, error) {
	dev, err := water.New(water.Config{
		DeviceType:             water.TAP,
		PlatformSpecificParams: water.PlatformSpecificParams{Name: c.Name, Persist: c.Persist},
	})
	if err != nil {
		if !errors.As(err, new(*os.SyscallError)) { // not an ioctl: the open itself
			err = fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		return -1, err
	}
	fd, err := duplicate(dev)
	if e := dev.Close(); err == nil && e != nil {
		return -1, errors.Join(e, unix.Close(fd))
	}
	return fd, err
}

func duplicate(dev *water.Interface) (int, error) {
	file, ok := dev.ReadWriteCloser.(syscall.Conn)
	if !ok {
		return -1, fmt.Errorf("water device %s has no descriptor", dev.Name())
	}
	raw, err := file.SyscallConn()
	if err != nil {
		return -1, err
	}
	fd := -1
	var dup error
	err = raw.Control(func(of uintptr) {
		fd, dup = unix.FcntlInt(of, unix.F_DUPFD_CLOEXEC, 0)
	})
	if err == nil {
		err = dup
	}
	return fd, err
}
