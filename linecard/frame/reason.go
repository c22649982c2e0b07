package frame

// Reason says what became of a frame: Forward, or why it was dropped. Every
// frame gets one (contract, promise 4); drops are counted per port by reason.
type Reason uint8

// Reasons. The order is part of the card's persisted and reported counters:
// append only.
const (
	Forward Reason = iota
	Runt
	Giant
	BadHeader      // offload metadata that contradicts the frame
	BadSource      // group or zero source address
	TaggedOnAccess // 802.1Q tag on an access port
	VLANNotAllowed
	VLANInactive  // VLAN not created or suspended
	PortDown      // ingress or egress port not forwarding
	SameSegment   // destination is behind the ingress port
	SplitHorizon  // uplink to uplink
	OwnMAC        // own address came back: deja-vu check
	MACLimit      // source not admitted: the port's learning limit, unknown-unicast flood refused
	StaticMove    // source is a static entry of another port
	LoopDetected  // port err-disabled by the MAC-move guard
	StaticDrop    // mac address-table static … drop
	NoMember      // nobody to flood to
	QueueFull     // the egress device took no more
	TxError       // the egress device refused the frame
	PuntFull      // slow path full
	LinkLocal     // control frame that is not forwarded (IEEE 802.1Q-2022 table 8-1)
	Filtered      // BPDU on a vEthernet or uplink
	Consumed      // punted to the slow path
	Fault         // a stage panicked: frame saved, port quarantined
	NoMemory      // no buffer for segmentation or copy
	NotDesignated // flood from an uplink that is not the VLAN's designated one
	Overrun       // the kernel dropped it before the card could read it; not among the frames received
	MACMove       // source is moving too often and belongs to another port; on an uplink, which is never err-disabled for it
	BadEncap      // no VXLAN header (RFC 7348 §5), or an inner frame that is tagged
	UnknownVNI    // segment that the card does not expect from the peer
	Reasons       // number of reasons
)

var reasonNames = [Reasons]string{
	"forward", "runt", "giant", "bad-header", "bad-source", "tagged-on-access",
	"vlan-not-allowed", "vlan-inactive", "port-down", "same-segment", "split-horizon",
	"own-mac", "mac-limit", "static-move", "loop-detected", "static-drop", "no-member",
	"queue-full", "tx-error", "punt-full", "link-local", "filtered", "consumed", "fault", "no-memory",
	"not-designated", "overrun", "mac-move", "bad-encap", "unknown-vni",
}

func (r Reason) String() string {
	if r < Reasons {
		return reasonNames[r]
	}
	return "unknown"
}
