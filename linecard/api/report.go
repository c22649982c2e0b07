package api

import "time"

// Section names of reports that the core of a card sends.
const (
	ReportPorts = "ports" // PortReport as JSON, once a second and on change
	ReportNICs  = "nics"  // NICReport as JSON, on change
)

// PortReport is the state of every port of a card.
type PortReport struct {
	Ports []PortState `json:"ports"`
}

// PortState is what a card says of one port.
type PortState struct {
	Name string `json:"name"`
	Up   bool   `json:"up"`
	// Reason is why it is down, in the words of cli.md §11.4; "none" when up.
	Reason   string    `json:"reason"`
	Kind     string    `json:"kind,omitempty"`
	Device   string    `json:"device,omitempty"`
	Driver   string    `json:"driver,omitempty"`
	MAC      string    `json:"mac,omitempty"` // hhhh.hhhh.hhhh
	MTU      uint32    `json:"mtu,omitempty"`
	Mbps     uint32    `json:"mbps,omitempty"`
	Since    time.Time `json:"since,omitzero"`
	Cleared  time.Time `json:"cleared,omitzero"`
	Resets   uint64    `json:"resets,omitempty"`
	Error    string    `json:"error,omitempty"`
	Counters Counters  `json:"counters"`
	Rates    [2]Rates  `json:"rates"` // over 30 s and 300 s
}

// Counters count frames and octets, rx from the workload or wire into the
// switch.
type Counters struct {
	RxUnicast   uint64            `json:"rxUnicast"`
	RxMulticast uint64            `json:"rxMulticast"`
	RxBroadcast uint64            `json:"rxBroadcast"`
	RxOctets    uint64            `json:"rxOctets"`
	RxJumbo     uint64            `json:"rxJumbo"`
	TxUnicast   uint64            `json:"txUnicast"`
	TxMulticast uint64            `json:"txMulticast"`
	TxBroadcast uint64            `json:"txBroadcast"`
	TxOctets    uint64            `json:"txOctets"`
	TxJumbo     uint64            `json:"txJumbo"`
	RxDrops     map[string]uint64 `json:"rxDrops,omitempty"` // by frame.Reason name
	TxDrops     map[string]uint64 `json:"txDrops,omitempty"`
}

// Rates are per-second averages.
type Rates struct {
	RxBits   uint64 `json:"rxBits"`
	RxFrames uint64 `json:"rxFrames"`
	TxBits   uint64 `json:"txBits"`
	TxFrames uint64 `json:"txFrames"`
}

// NICReport lists the devices a card has adopted as Ethernet ports.
type NICReport struct {
	NICs []NIC `json:"nics"`
}

// NIC is one adopted device. Number is P of EthernetM/P, given by the card at
// first sight and kept in its state directory, bound to the permanent MAC.
type NIC struct {
	Number int    `json:"number"`
	Device string `json:"device"`
	MAC    string `json:"mac"`
	// Profile is the port-profile that the card's own configuration asks for
	// (vem.conf: phys IF profile NAME).
	Profile string `json:"profile,omitempty"`
}
