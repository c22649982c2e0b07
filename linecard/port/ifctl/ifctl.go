// Package ifctl reads and sets the few properties of a network device that the
// drivers need, by ioctl on a socket, and its counters by rtnetlink. A socket stays in the network namespace
// it was opened in, so a driver can look at its device without changing threads.
package ifctl

import (
	"encoding/binary"
	"fmt"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"

	"trunkline/internal/ether"
	"trunkline/linecard/port/inns"
)

// Conn is a socket in one network namespace. It is safe for concurrent use.
type Conn struct {
	fd int

	mu  sync.Mutex // one question at a time
	seq uint32
}

// Open opens a socket in a namespace; see inns.Do for its name.
func Open(namespace string) (*Conn, error) {
	c := &Conn{fd: -1}
	err := inns.Do(namespace, func() (err error) {
		c.fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open control socket: %w", err)
	}
	return c, nil
}

// Facts are what a driver tells of its device. The zero value is that of a device which is gone.
type Facts struct {
	MAC     ether.MAC
	MTU     int // bytes of payload
	Mbps    int // 0: unknown
	Carrier bool
}

// Facts reads the facts of a device of this name, if it is the one with the index: another
// may have its name by now.
func (c *Conn) Facts(device string, index int) (f Facts) {
	if now, err := c.Index(device); err != nil || now != index {
		return f
	}
	f.MAC, _ = c.MAC(device)
	f.MTU, _ = c.MTU(device)
	f.Mbps = c.Mbps(device)
	f.Carrier = c.Running(device)
	return f
}

// Close closes the socket.
func (c *Conn) Close() error { return unix.Close(c.fd) }

func (c *Conn) get(dev string, request uint, what string) (*unix.Ifreq, error) {
	r, err := unix.NewIfreq(dev)
	if err == nil {
		err = unix.IoctlIfreq(c.fd, request, r)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s of %s: %w", what, dev, err)
	}
	return r, nil
}

// Index returns the interface index.
func (c *Conn) Index(dev string) (int, error) {
	r, err := c.get(dev, unix.SIOCGIFINDEX, "index")
	if err != nil {
		return 0, err
	}
	return int(r.Uint32()), nil
}

// Flags returns the IFF_ flags.
func (c *Conn) Flags(dev string) (uint16, error) {
	r, err := c.get(dev, unix.SIOCGIFFLAGS, "flags")
	if err != nil {
		return 0, err
	}
	return r.Uint16(), nil
}

// Running reports whether the device is up and has carrier.
func (c *Conn) Running(dev string) bool {
	f, err := c.Flags(dev)
	return err == nil && f&unix.IFF_UP != 0 && f&unix.IFF_RUNNING != 0
}

// SetUp sets the device administratively up.
func (c *Conn) SetUp(dev string) error {
	r, err := c.get(dev, unix.SIOCGIFFLAGS, "flags")
	if err != nil {
		return err
	}
	if r.Uint16()&unix.IFF_UP != 0 {
		return nil
	}
	r.SetUint16(r.Uint16() | unix.IFF_UP)
	if err := unix.IoctlIfreq(c.fd, unix.SIOCSIFFLAGS, r); err != nil {
		return fmt.Errorf("set %s up: %w", dev, err)
	}
	return nil
}

// MTU returns the MTU in bytes of payload.
func (c *Conn) MTU(dev string) (int, error) {
	r, err := c.get(dev, unix.SIOCGIFMTU, "mtu")
	if err != nil {
		return 0, err
	}
	return int(r.Uint32()), nil
}

// SetMTU sets it.
func (c *Conn) SetMTU(dev string, mtu int) error {
	r, err := unix.NewIfreq(dev)
	if err == nil {
		r.SetUint32(uint32(mtu))
		err = unix.IoctlIfreq(c.fd, unix.SIOCSIFMTU, r)
	}
	if err != nil {
		return fmt.Errorf("set mtu of %s to %d: %w", dev, mtu, err)
	}
	return nil
}

// ifreq is struct ifreq with the parts that x/sys/unix does not reach.
type ifreq struct {
	name [unix.IFNAMSIZ]byte
	data [24]byte
}

// MAC returns the hardware address.
func (c *Conn) MAC(dev string) (ether.MAC, error) {
	r := request(dev)
	if err := ioctl(c.fd, unix.SIOCGIFHWADDR, unsafe.Pointer(r)); err != nil {
		return ether.MAC{}, fmt.Errorf("read address of %s: %w", dev, err)
	}
	return ether.MAC(r.data[2:8]), nil
}

// SetMAC sets it.
func (c *Conn) SetMAC(dev string, mac ether.MAC) error {
	r := request(dev)
	binary.NativeEndian.PutUint16(r.data[:], unix.ARPHRD_ETHER)
	copy(r.data[2:], mac[:])
	if err := ioctl(c.fd, unix.SIOCSIFHWADDR, unsafe.Pointer(r)); err != nil {
		return fmt.Errorf("set address of %s: %w", dev, err)
	}
	return nil
}

// Ethernet reports whether the device is an Ethernet device.
func (c *Conn) Ethernet(dev string) bool {
	r := request(dev)
	return ioctl(c.fd, unix.SIOCGIFHWADDR, unsafe.Pointer(r)) == nil &&
		binary.NativeEndian.Uint16(r.data[:]) == unix.ARPHRD_ETHER
}

// Driver returns the name of the kernel's driver ("veth", "virtio_net"), or
// "device" where it has none.
func (c *Conn) Driver(dev string) string {
	d, err := unix.IoctlGetEthtoolDrvinfo(c.fd, dev)
	if err != nil {
		return "device"
	}
	if s := unix.ByteSliceToString(d.Driver[:]); s != "" {
		return s
	}
	return "device"
}

// Mbps returns the speed in Mbit/s, 0 when it is unknown.
func (c *Conn) Mbps(dev string) int {
	const (
		getSettings = 1  // ETHTOOL_GSET
		speedLow    = 12 // offsets in struct ethtool_cmd
		speedHigh   = 28
	)
	var cmd [44]byte
	binary.NativeEndian.PutUint32(cmd[:], getSettings)
	if c.ethtool(dev, unsafe.Pointer(&cmd)) != nil {
		return 0
	}
	speed := uint32(binary.NativeEndian.Uint16(cmd[speedLow:])) | uint32(binary.NativeEndian.Uint16(cmd[speedHigh:]))<<16
	if speed >= 1<<31 { // SPEED_UNKNOWN is -1
		return 0
	}
	return int(speed)
}

func request(dev string) *ifreq {
	var r ifreq
	copy(r.name[:unix.IFNAMSIZ-1], dev)
	return &r
}

func ioctl(fd int, request uint, arg unsafe.Pointer) error {
	if _, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), uintptr(request), uintptr(arg)); e != 0 {
		return e
	}
	return nil
}

// ReceiveQueues returns the number of receive queues in use, 1 where the driver
// does not tell.
func (c *Conn) ReceiveQueues(dev string) int {
	const (
		getChannels  = 0x3c // ETHTOOL_GCHANNELS
		atReceive    = 20   // offsets of counts in struct ethtool_channels
		atCombined   = 32
		channelsSize = 36
	)
	var cmd [channelsSize]byte
	binary.NativeEndian.PutUint32(cmd[:], getChannels)
	if c.ethtool(dev, unsafe.Pointer(&cmd)) != nil {
		return 1
	}
	n := binary.NativeEndian.Uint32(cmd[atReceive:]) + binary.NativeEndian.Uint32(cmd[atCombined:])
	return int(max(n, 1))
}

// SetSendOffloads lets the device, of a workload, leave checksums, segmentation
// and tags to whoever receives its frames, or makes the workload's stack finish
// them. A driver that lacks one of them is not an error.
func (c *Conn) SetSendOffloads(dev string, on bool) error {
	const (
		setChecksum = 0x17 // ETHTOOL_STXCSUM; segmentation depends on it
		setTSO      = 0x1f // ETHTOOL_STSO
		getFlags    = 0x25 // ETHTOOL_GFLAGS
		setFlags    = 0x26 // ETHTOOL_SFLAGS
		flagTag     = 1 << 7
	)
	value := uint32(0)
	if on {
		value = 1
	}
	for _, what := range []uint32{setChecksum, setTSO} {
		v := [2]uint32{what, value}
		err := c.ethtool(dev, unsafe.Pointer(&v))
		if err != nil && err != unix.EOPNOTSUPP && (what == setChecksum || !on) {
			return fmt.Errorf("set send offloads of %s: %w", dev, err)
		}
	}
	v := [2]uint32{getFlags}
	if c.ethtool(dev, unsafe.Pointer(&v)) != nil {
		return nil // it has no such flag
	}
	v[0], v[1] = setFlags, v[1]&^flagTag|value<<7
	if err := c.ethtool(dev, unsafe.Pointer(&v)); err != nil && err != unix.EOPNOTSUPP {
		return fmt.Errorf("set tag offload of %s: %w", dev, err)
	}
	return nil
}

// ethtool hands a command to the device's driver.
func (c *Conn) ethtool(dev string, cmd unsafe.Pointer) error {
	r := struct {
		name [unix.IFNAMSIZ]byte
		data unsafe.Pointer
		_    [16]byte
	}{data: cmd}
	copy(r.name[:unix.IFNAMSIZ-1], dev)
	return ioctl(c.fd, unix.SIOCETHTOOL, unsafe.Pointer(&r))
}
