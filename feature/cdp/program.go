package cdp

// Program is the section of one line card; there is none while CDP is off.
type Program struct {
	System   string `json:"system"`       // name
	DeviceID string `json:"deviceId"`     // a word of cdp format device-id
	V1       bool   `json:"v1,omitempty"` // send version 1
	Interval uint32 `json:"interval"`     // seconds
	Hold     uint32 `json:"hold"`         // seconds
	// Management are the configured addresses of mgmt0, IPv4 first; none: what
	// the card knows is announced.
	Management []string `json:"management,omitempty"`
	Ports      []Port   `json:"ports"`
}

// Port is one Ethernet port with CDP that configuration does not keep down.
type Port struct {
	Name string `json:"name"`
}

// Neighbour is what a card knows of a neighbour.
type Neighbour struct {
	Device       string `json:"device"`
	Port         string `json:"port"`
	System       string `json:"system,omitempty"`
	Platform     string `json:"platform,omitempty"`
	Software     string `json:"software,omitempty"`
	Capabilities uint32 `json:"capabilities,omitempty"`
	Version      uint8  `json:"version"` // of CDP: 1 or 2
	NativeVLAN   uint16 `json:"nativeVlan,omitempty"`
	Duplex       string `json:"duplex,omitempty"` // "full", "half", "" if not advertised
	MTU          uint32 `json:"mtu,omitempty"`
	// Addresses joined by blanks: those of the interface and for management.
	Addresses  string `json:"addresses,omitempty"`
	Management string `json:"management,omitempty"`
}
