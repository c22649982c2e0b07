package api

// Queries that the supervisor's half of a feature sends to the card's half, as
// JSON. The feature name selects the handler.

// FDBQuery asks "mactable" for the card's MAC table.
type FDBQuery struct {
	// Op is "dump", "count" or "clear". Filters narrow dump and clear; zero
	// values match everything. Clear touches dynamic entries only.
	Op   string `json:"op"`
	VLAN uint16 `json:"vlan,omitempty"`
	MAC  string `json:"mac,omitempty"`
	Port string `json:"port,omitempty"`
	// Limit asks for a page of a dump: that many entries at most, in the order of
	// FDBKey, those behind After. Without it a dump has no order and is cut at a
	// bound of the card's. Cards from before pages answer with all.
	Limit int     `json:"limit,omitempty"`
	After *FDBKey `json:"after,omitempty"`
}

// FDBKey orders entries: by VLAN, then address.
type FDBKey struct {
	VLAN uint16 `json:"vlan"`
	MAC  string `json:"mac"`
}

// FDBReply answers it.
type FDBReply struct {
	Entries []FDBEntry `json:"entries,omitempty"`
	More    bool       `json:"more,omitempty"` // entries behind the last of the page
	Dynamic int        `json:"dynamic"`
	Static  int        `json:"static"`
}

// FDBEntry is one address.
type FDBEntry struct {
	VLAN       uint16 `json:"vlan"`
	MAC        string `json:"mac"`
	Port       string `json:"port,omitempty"` // "" for a drop entry
	Static     bool   `json:"static,omitempty"`
	AgeSeconds uint32 `json:"ageSeconds,omitempty"` // since last seen
}

// ExecuteQuery asks "execute" to run one vemcmd command line; the reply is its
// text output.
type ExecuteQuery struct {
	Args []string `json:"args"`
}

// CountersQuery asks "counters" to clear the counters of one port, or of all
// for "".
type CountersQuery struct {
	Clear string `json:"clear"`
}
