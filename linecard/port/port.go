// Package port is the contract between the pipeline and the drivers that move
// frames between it and a device: TAP, AF_PACKET, and a driver in memory for
// tests.
//
// A Port is a device the card has opened. A Queue is a worker's own way in and
// out of it, so no call needs a lock. Drivers validate the virtio header of
// what they receive into the Frame, never block, and keep nothing after Send.
package port

import (
	"errors"

	"trunkline/internal/ether"
	"trunkline/linecard/frame"
)

// Port is an open device.
type Port interface {
	// Queue opens a way in and out of the port for one worker: receive is the
	// number of the receive queue it owns, from 0 to Receivers-1, or SendOnly. A
	// worker may open several of one port, to receive from each; it sends
	// through the first. Worker numbers count from 0.
	Queue(worker, receive int) (Queue, error)
	// Info describes the device as it is now; not for the frame path.
	Info() Info
	// Close releases the device; the queues are closed before it.
	Close() error
}

// SendOnly asks Port.Queue for a queue that never receives.
const SendOnly = -1

// Multi is a Port that may have more than one receive queue. The number does
// not change while the port is open.
type Multi interface{ Receivers() int }

// Receivers returns the number of receive queues of a port, at least 1.
func Receivers(p Port) int {
	if m, ok := p.(Multi); ok {
		return max(m.Receivers(), 1)
	}
	return 1
}

// Armed is a Queue in memory shared with its peer, which tells of frames by FD
// only when asked to: it is polled without notifications while there is traffic.
// Both are called between a Recv and the next, on the worker's thread.
type Armed interface {
	// Arm asks for a notification by FD of the next frame. It reports whether
	// frames have come meanwhile: then the queue is to be polled on, and is not
	// armed.
	Arm() (pending bool)
	// Disarm drains FD and asks for no more notifications.
	Disarm()
}

// Mapped is a Queue in memory shared with its peer, which the peer can take away
// while it is mapped: what touches it then faults. Owns reports whether an address
// is in that memory; it is called on the worker's thread after a fault, to find
// the port that is to be given up.
type Mapped interface{ Owns(address uintptr) bool }

// Lossy is a Port that knows of frames the kernel dropped before Recv could
// have them, because its buffer was full. Lost counts them since the port was
// opened and may be called at any time, from any goroutine.
type Lossy interface{ Lost() uint64 }

// Lost returns how many frames of a port never reached Recv, as far as its
// driver knows.
func Lost(p Port) uint64 {
	if l, ok := p.(Lossy); ok {
		return l.Lost()
	}
	return 0
}

// Queue is one worker's access to a port. All methods are called from that
// worker's thread.
type Queue interface {
	// Recv fills b from the front, sets b.N and returns without waiting. A
	// frame that the driver must refuse is delivered with b.Drop set and
	// counts as received. ErrGone means that the device has vanished.
	Recv(b *frame.Batch) error
	// Release ends the use of the frames of the last Recv.
	Release(b *frame.Batch)
	// Send hands the frames to the device, in order, in as few system calls
	// as it can. It sets Drop of each frame that did not leave. The pipeline
	// has resolved what the port's Offloads cannot take. Nothing of out is kept.
	Send(out []frame.Out) error
	// FD is a descriptor that polls readable when Recv may find a frame, or -1
	// when the queue wants to be polled. It is the same while the queue is open,
	// and no other queue's.
	FD() int
	Close() error
}

// ErrGone is returned by a queue whose device no longer exists.
var ErrGone = errors.New("device is gone")

// Offloads are what a device takes from the switch.
type Offloads uint8

// Offload bits.
const (
	Csum Offloads = 1 << iota // partial checksums
	TSO4
	TSO6
	USO
	UFO // a UDP datagram that the device cuts into IP fragments
)

// Info describes a device.
type Info struct {
	Kind    string // adapter kind: "tap", "veth", "virtio_net"
	Driver  string // I/O mode as probed: "packet mmsg vnet", "tap io_uring vnet"
	Device  string // name on the host
	IfIndex int
	MAC     ether.MAC
	MTU     int // bytes of payload
	Mbps    int // 0: unknown
	Carrier bool
	Offloads
}
