package gnmi

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"trunkline/feature"
	"trunkline/internal/ether"
)

// kind is the kind of an OpenConfig value, as Go value in brackets.
type kind uint8

const (
	aString    kind = iota // string
	aBool                  // bool
	aNumber                // uint64
	aLong                  // uint64, a string in JSON_IETF
	anEnum                 // string
	anIdentity             // string, with its module: "iana-if-type:ethernetCsmacd"
	ranges                 // list: VLANs and ranges of them
)

var kinds = map[string]kind{
	"string": aString, "boolean": aBool, "uint8": aNumber, "uint16": aNumber, "uint32": aNumber, "uint64": aLong,
	"int64": aLong, "enum": anEnum, "identity": anIdentity, "union": ranges, "decimal64": aString,
}

// list is the value of a leaf-list: its members, joined by commas.
type list string

// convert is how values of the product and of OpenConfig correspond.
type convert struct {
	// Read returns the OpenConfig value, nil for none.
	read func(v any) any
	// Write returns the product's text of an OpenConfig value, "" for the
	// default.
	write func(v any) string
}

// plain is the conversion of values that differ in their Go type only.
func plain(v any) any {
	switch v := v.(type) {
	case uint32:
		return uint64(v)
	case ether.VLANID:
		return uint64(v)
	case bool, string, uint64:
		return v
	}
	return fmt.Sprint(v)
}

func (c convert) from(v any) any {
	if c.read != nil {
		return c.read(v)
	}
	return plain(v)
}

func (c convert) to(v any) string {
	if c.write != nil {
		return c.write(v)
	}
	switch v := v.(type) {
	case uint64:
		return strconv.FormatUint(v, 10)
	case bool:
		return strconv.FormatBool(v)
	}
	return fmt.Sprint(v)
}

// words converts enumerations: pairs of the product's word and OpenConfig's.
func words(pairs ...string) convert {
	return convert{
		read: func(v any) any {
			for i := 0; i < len(pairs); i += 2 {
				if pairs[i] == v {
					return pairs[i+1]
				}
			}
			return nil
		},
		write: func(v any) string {
			for i := 0; i < len(pairs); i += 2 {
				if pairs[i+1] == v {
					return pairs[i]
				}
			}
			return fmt.Sprint(v)
		},
	}
}

// isWord is true for one word of the product.
func isWord(word string) convert {
	return convert{read: func(v any) any { return v == word }}
}

// always is the same value wherever the product has one.
func always(value string) convert {
	return convert{read: func(any) any { return value }}
}

// without is a key less a prefix.
func without(prefix string) convert {
	return convert{read: func(v any) any { return strings.TrimPrefix(fmt.Sprint(v), prefix) }}
}

// opposite is that of a switch.
var opposite = convert{
	read: func(v any) any { return v != true },
	write: func(v any) string {
		b, ok := v.(bool)
		return strconv.FormatBool(ok && !b)
	},
}

// nanoseconds is a time as OpenConfig counts it, since 1970.
var nanoseconds = convert{read: func(v any) any {
	if t, ok := v.(time.Time); ok && t.After(time.Unix(0, 0)) {
		return uint64(t.UnixNano())
	}
	return nil
}}

// dateTime is a time as text (RFC 3339), to the second.
var dateTime = convert{read: func(v any) any {
	if t, ok := v.(time.Time); ok {
		return t.UTC().Format(time.RFC3339)
	}
	return nil
}}

// perSecond turns seconds into nanoseconds.
var perSecond = convert{read: func(v any) any {
	if n, ok := v.(uint64); ok {
		return n * uint64(time.Second)
	}
	return nil
}}

// colons is a MAC address as OpenConfig writes it, lower case with colons.
var colons = convert{read: func(v any) any {
	m, ok := v.(ether.MAC)
	if !ok {
		return nil
	}
	b := m[:]
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5])
}}

// speeds are the identities of speeds in Mbit/s.
var speeds = convert{read: func(v any) any {
	mbps, _ := v.(uint32)
	name := ""
	switch {
	case mbps == 2500, mbps < 1000:
		name = fmt.Sprintf("SPEED_%dMB", mbps)
	case mbps%1000 == 0:
		name = fmt.Sprintf("SPEED_%dGB", mbps/1000)
	}
	for _, known := range speedNames {
		if name == known {
			return "openconfig-if-ethernet:" + name
		}
	}
	return "openconfig-if-ethernet:SPEED_UNKNOWN"
}}

var speedNames = [...]string{
	"SPEED_10MB", "SPEED_100MB", "SPEED_1GB", "SPEED_2500MB", "SPEED_5GB", "SPEED_10GB", "SPEED_25GB", "SPEED_40GB",
	"SPEED_50GB", "SPEED_100GB", "SPEED_200GB", "SPEED_400GB", "SPEED_600GB", "SPEED_800GB", "SPEED_1600GB",
}

// vlanRanges are the VLANs of a trunk. None means all to OpenConfig; what the
// product calls none is not to be said in it.
var vlanRanges = convert{
	read: func(v any) any {
		set, ok := v.(ether.VLANSet)
		if !ok || set.Empty() || set == ether.AllVLANs() {
			return nil
		}
		return list(strings.ReplaceAll(set.String(), "-", ".."))
	},
	write: func(v any) string {
		l, ok := v.(list)
		if ok && l == "" {
			return ""
		}
		return strings.ReplaceAll(string(l), "..", "-")
	},
}

// fields are the words of a text.
func fields(v any) []string {
	s, _ := v.(string)
	return strings.Fields(s)
}

// physical reports whether an interface is there by the hardware.
func physical(name string) bool {
	return feature.KindOf(name) != feature.Vethernet && feature.KindOf(name) != feature.SVI
}
