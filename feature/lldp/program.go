package lldp

// Program is the section of one line card; there is none while the feature is
// off.
type Program struct {
	System string `json:"system"` // name
	// Times in seconds.
	Interval uint32 `json:"interval"`
	Hold     uint32 `json:"hold"`
	Reinit   uint32 `json:"reinit"`
	// Omit are the words of lldp tlv-select that are turned off.
	Omit []string `json:"omit,omitempty"`
	// Management are the configured addresses of mgmt0, IPv4 first; none: what
	// the card knows is announced.
	Management []string `json:"management,omitempty"`
	Ports      []Port   `json:"ports"`
}

// Port is one Ethernet port that configuration does not keep down.
type Port struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	Transmit    bool   `json:"transmit,omitempty"`
	Receive     bool   `json:"receive,omitempty"`
}

// Neighbour is what a card knows of a neighbour.
type Neighbour struct {
	ChassisType     uint8  `json:"chassisType"` // IEEE 802.1AB-2016 table 8-2
	Chassis         string `json:"chassis"`
	PortType        uint8  `json:"portType"` // table 8-3
	Port            string `json:"port"`
	PortDescription string `json:"portDescription,omitempty"`
	System          string `json:"system,omitempty"`
	Description     string `json:"description,omitempty"`
	// Capabilities of the system, and those in use, as bits of table 8-4.
	Capabilities uint16 `json:"capabilities,omitempty"`
	Enabled      uint16 `json:"enabled,omitempty"`
	Management4  string `json:"management4,omitempty"` // IPv4 address
	Management6  string `json:"management6,omitempty"`
	VLAN         uint16 `json:"vlan,omitempty"` // of the port, 0: not advertised
}
