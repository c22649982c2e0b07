package tap

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// maxQueues is what the TUN driver takes (MAX_TAP_QUEUES).
const maxQueues = 256

// attach opens the clone device, binds it to the TAP name and returns a
// descriptor for each queue.
//
// A device that is created has as many queues as asked for. One that is there
// keeps the kind it was made with: with a single queue, or with several, of
// which any number may be attached. The kernel spreads flows over those that
// are.
func attach(name string, queues int) ([]int, error) {
	kinds := []uint16{0, unix.IFF_MULTI_QUEUE}
	if queues > 1 {
		kinds = []uint16{unix.IFF_MULTI_QUEUE, 0}
	}
	var err error
	for _, kind := range kinds {
		var fd int
		if fd, err = bind(name, kind); errors.Is(err, unix.EINVAL) {
			continue
		}
		if err != nil {
			return nil, err
		}
		fds := []int{fd}
		if kind == 0 {
			return fds, nil
		}
		// Another process may hold queues of such a device, too: it would get
		// some of the flows.
		if n, ok := attached(name); ok && n > 1 {
			return nil, errors.Join(ErrBusy, unix.Close(fd))
		}
		for len(fds) < min(queues, maxQueues) {
			more, err := bind(name, kind)
			if err != nil {
				return nil, errors.Join(err, closeAll(fds))
			}
			fds = append(fds, more)
		}
		return fds, nil
	}
	return nil, err
}

// bind opens one descriptor of the device.
func bind(name string, kind uint16) (int, error) {
	fd, err := unix.Open(Clone, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("%w: %s: %w", ErrUnavailable, Clone, err)
	}
	r, err := unix.NewIfreq(name)
	if err == nil {
		r.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI | unix.IFF_VNET_HDR | kind)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, r)
	}
	switch {
	case err == nil:
		return fd, nil
	case err == unix.EBUSY:
		err = ErrBusy
	}
	return -1, errors.Join(err, unix.Close(fd))
}

func closeAll(fds []int) error {
	var errs []error
	for _, fd := range fds {
		errs = append(errs, unix.Close(fd))
	}
	return errors.Join(errs...)
}

// channels is struct ethtool_channels.
type channels struct {
	cmd                               uint32
	maxRx, maxTx, maxOther, maxShared uint32
	rx, tx, other, shared             uint32
}

// attached returns how many descriptors are bound to a device of the calling
// thread's namespace; false where the kernel does not tell.
func attached(name string) (int, bool) {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, false
	}
	defer unix.Close(s)
	c := &channels{cmd: unix.ETHTOOL_GCHANNELS}
	var r struct {
		name [unix.IFNAMSIZ]byte
		data unsafe.Pointer
		_    [16]byte
	}
	copy(r.name[:unix.IFNAMSIZ-1], name)
	r.data = unsafe.Pointer(c)
	_, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(s), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&r)))
	runtime.KeepAlive(c)
	return int(c.shared), e == 0
}
