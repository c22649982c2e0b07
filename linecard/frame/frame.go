// Package frame is the unit of work of the line card: frames in batches, with
// the offload metadata they carry from port to port. It does no I/O.
//
// A frame is a head in worker memory, which is parsed and rewritten, and a tail
// that stays where it was received until the batch is released:
//
//	Buf  |headroom............|Ethernet header, payload …|   Tail |… payload|
//	                          ^Off                       ^Off+Head
//
// The head holds at least HeadMin bytes of the frame, or all of it when it is
// shorter; a driver that receives into one contiguous buffer may leave the
// whole frame in the head. Frames inside the switch are untagged: one 802.1Q
// tag is popped on the way in and travels as TCI.
package frame

// Sizes in bytes.
const (
	BatchSize = 64  // frames in one batch
	Headroom  = 128 // before every frame: VXLAN (50), 802.1Q (4), virtio header (12)
	HeadMin   = 128 // of every frame that is that long
	VnetLen   = 12  // struct virtio_net_hdr_v1
	HeaderLen = 14  // Ethernet header
	TagLen    = 4   // 802.1Q tag
	// MaxLen is the longest frame received: a 64 KiB super-frame with its
	// Ethernet header and tag. MaxWire is the longest without segmentation
	// offload: 9,500 bytes of payload, as containerlab's devices have, with
	// Ethernet header and tag.
	MaxLen  = 65535 + HeaderLen + TagLen
	MaxWire = 9500 + HeaderLen + TagLen
	MinLen  = HeaderLen // shorter frames are runts
)

// GSO is the segmentation a super-frame stands for (virtio 1.2 §5.1.6).
type GSO uint8

// Segmentation types, with the numbers of virtio_net_hdr.gso_type.
const (
	GSONone  GSO = 0
	GSOTCPv4 GSO = 1
	GSOUDP   GSO = 3 // UFO: one datagram, in IP fragments
	GSOTCPv6 GSO = 4
	GSOUDPL4 GSO = 5
	GSOECN   GSO = 0x80 // bit, with TCPv4 and TCPv6
)

// Flags of a frame.
type Flags uint8

// Flag bits.
const (
	NeedsCsum Flags = 1 << iota // checksum at CsumStart+CsumOffset is partial
	DataValid                   // checksum was verified by the sender's device
	Tagged                      // TCI is a tag the frame carried
)

// Frame is one frame with its metadata. Offsets count from the Ethernet header
// of the untagged frame.
type Frame struct {
	Buf  []byte // worker memory, off the Go heap
	Tail []byte // read-only, where it was received; nil when the head is all
	Off  uint32 // of the Ethernet header in Buf
	Head uint32 // bytes of the frame in Buf

	GSO   GSO
	Flags Flags
	// HdrLen is what each segment of a GSO frame begins with, in bytes: Ethernet
	// to transport header inclusive, of a UFO frame to the last header before UDP.
	HdrLen     uint16
	GSOSize    uint16 // bytes per segment behind HdrLen; UFO: a multiple of 8
	CsumStart  uint16
	CsumOffset uint16

	TCI uint16 // of the popped tag, valid with Tagged
	BD  uint16 // bridge domain, set by classify

	Slot uint32 // the driver's, for Release
}

// Bytes returns the head.
func (f *Frame) Bytes() []byte { return f.Buf[f.Off : f.Off+f.Head] }

// Len returns the length of the frame without tag and FCS.
func (f *Frame) Len() int { return int(f.Head) + len(f.Tail) }

// Segments returns the number of frames on a wire that the frame stands for.
func (f *Frame) Segments() int {
	if f.GSO == GSONone || f.GSOSize == 0 {
		return 1
	}
	payload := f.Len() - int(f.HdrLen)
	if payload <= 0 {
		return 1
	}
	return (payload + int(f.GSOSize) - 1) / int(f.GSOSize)
}

// WireOctets returns the octets of those frames, headers repeated, FCS left
// out.
func (f *Frame) WireOctets() int {
	n := f.Segments()
	octets := f.Len() + (n-1)*int(f.HdrLen)
	if f.GSO == GSOUDP && n > 1 {
		octets += n * f.inserted()
	}
	return octets
}

// Batch is up to BatchSize frames from one queue of one port. It is allocated
// once; N says how many frames count.
type Batch struct {
	N      int
	Port   uint16 // ingress port index
	Now    int64  // worker clock at the start of the round, ns (CLOCK_MONOTONIC)
	Frames [BatchSize]Frame
	Drop   [BatchSize]Reason // Forward while the frame lives
	Next   [BatchSize]uint32 // next hop, set by lookup
}

// Out is one frame on its way out of one port. The frame may be on several
// lists: it is read-only, and the tag is written by the driver.
type Out struct {
	*Frame
	TCI  uint16 // of the tag to send
	Tag  bool   // send tagged
	Drop Reason // set by Send when the frame did not leave
}
