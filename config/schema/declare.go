package schema

import "trunkline/config/tree"

// A Group is the part of the schema that one feature declares: blocks, leaves,
// aliases and the help texts of the keywords they use. Declarations are data;
// Compile checks them and builds the Schema that everything else reads.
type Group struct {
	Blocks  []Block
	Leaves  []Leaf
	Aliases []Alias
	Words   Words
	// Gate is the switch of the group, a bool that hangs below no list: while it
	// is off the group's lines are not in the grammar, and turning it off removes
	// all settings of the group. nil: the group is always there.
	Gate *Leaf
	// Kinds are kinds of entries (Block.Kind), by the path of their list, that are
	// the group's though another declares the list: they are behind its gate too.
	Kinds map[string]string
}

// Words gives the help text of keywords, keyed by the literal words that lead
// to and include the keyword: "switchport access" → "Set access mode
// characteristics of the port". Placeholders and choices are left out of the
// key. Several features may give the same key if the text is the same.
type Words map[string]string

// A Block is a container or a list whose line enters a mode, or, with an empty
// Mode, a list entry that is written on one line.
type Block struct {
	// Path is absolute, names only: "vlans/vlan", "svs-domain". A list is a
	// path with Keys.
	Path string
	// Keys are the list's keys in path order; nil for a container. A list
	// with several keys joins their texts with one blank.
	Keys []Key
	// Line is the canonical line, "vlan <id>": each key appears as a
	// placeholder of its name. Two blanks are printed as two.
	Line string
	// Mode is the prompt suffix without parentheses, "config-vlan"; RangeMode
	// the one used when the line named several entries (default: Mode).
	Mode, RangeMode string
	// Parent is the Path of the block in whose mode the line is valid; empty
	// for global configuration.
	Parent string
	// Range allows a list in the last key: "vlan 10-20,30", "interface
	// ethernet 3/1-4". The mode's lines then apply to each entry.
	Range bool
	// Summary prints all entries as one line with ranges before the blocks,
	// and a block only for entries that hold something ("vlan 1,10,20-25").
	Summary bool
	// Permanent entries exist without being configured and cannot be removed.
	Permanent []string
	// Options are written on the block's line but stored as leaves below it:
	// "port-profile [type <type>] <name>" has Options {"type"}: the relative
	// path of the leaf. Optional on input, printed when it differs from the
	// default; fixed once the entry exists.
	Options []string
	// Amend lets options be changed once the entry exists. It returns what is
	// stored for the value that a line gives, which may be another, or an error
	// whose text is the operator's message. The no form with options takes them
	// back, and the entry with the last of what it holds.
	Amend func(t tree.Tree, key, option string, value any) (any, error)
	// Remain returns what a no form with a value leaves of the value of an option
	// that Amend may have added to, nil for nothing. Without it nothing is left.
	Remain func(option string, now, value any) any
	// Stays says that an entry with Amend is there until its no form without
	// options, though the last of its options has been taken back.
	Stays bool
	// Section is the number in the order of show running-config (cli.md §8);
	// Order breaks ties inside a section, then the key in natural order.
	Section, Order int
	// Less orders entries other than by natural key order, for instance
	// port-profiles with parents before children; may be nil.
	Less func(t tree.Tree, a, b string) bool
	// Kind sorts entries of one list into kinds that leaves refer to, such as
	// "ethernet" and "vethernet"; nil when all entries are of one kind.
	Kind func(t tree.Tree, key string) string
	// NoCreate refuses entries the operator may not create by typing the
	// line, with the error text; may be nil.
	NoCreate func(t tree.Tree, key string) string
	// End is for a mode whose lines are text, kept as it is typed, not read as
	// commands ("<text>" is the line of its leaf): the word that leaves it, which
	// is printed after its lines; "" for other modes.
	End  string
	Help string
}

// Key is one key of a list.
type Key struct {
	Name string
	Type AnyType
}

// A Leaf is one setting, made by Bind.
type Leaf struct {
	// Path is absolute for Top leaves ("system/hostname") and relative to the
	// mount for Augment ("switchport/access-vlan").
	Path string
	// Mounts are the list or container paths below which Path hangs; nil for
	// Top leaves.
	Mounts []string
	Type   AnyType
	// Line is the canonical line. Placeholders named after a key of a list
	// above the leaf that is not yet fixed by the mode fill that key; at most
	// one other placeholder carries the value. A line without a value
	// placeholder is a switch: the leaf is a bool, the line sets it, the no
	// form clears it.
	Line string
	Help string
	// Default is the value when nothing is set; nil means the type's zero and
	// "absent". DefaultAt overrides it for one mount.
	// DefaultKind does for entries of one kind (Block.Kind), whose kind is in their
	// key, and goes before both.
	Default     any
	DefaultAt   map[string]any
	DefaultKind map[string]any
	// Kinds limits the leaf to entries of these kinds (Block.Kind); nil: all.
	Kinds []string
	// NoInherit leaves are not passed from a port-profile to its members or
	// child profiles.
	NoInherit bool
	// Inventory leaves are bindings of workloads: committed and printed, but
	// left alone by diff, checkpoint, rollback and replace (cli.md §13.4).
	Inventory bool
	// ReadOnly leaves are set by the system, printed as any other, and have
	// no line in the grammar.
	ReadOnly bool
	// Shown options of a block's line are printed at their default too.
	Shown bool
	// Hidden leaves have no line at all: neither parsed nor printed.
	Hidden bool
	// Join is for a leaf that holds several things, each of which a line gives one
	// or more of: it makes of what is set, the type's zero for nothing, and of the
	// value of a line what is stored. Part returns what is left once a no form with
	// a value has taken that away, the zero for nothing. Lines returns the values
	// of the lines that are printed for a value, nil for that value alone. Without
	// Join a line replaces what is set.
	Join, Part func(now, given any) any
	Lines      func(v any) []any
	// Ref is the list the value names an entry of; "" when it is no
	// reference. A hard reference must exist at commit; a soft one may
	// dangle, and then the feature's Check warns.
	Ref  string
	Hard bool
	// Mode is the path of the block in whose mode the line is valid. The zero
	// value means: the mount for Augment leaves, global for Top leaves.
	Mode string
	// Section and Order place a global line in show running-config.
	Section, Order int

	set func(config, value any) // set by Bind; leaves other Config types alone
}

// An Alias is a line that only parses: it edits Leaf's value, which another
// line prints ("switchport trunk allowed vlan add <vlans>").
type Alias struct {
	Line string
	Help string
	// Leaf is the Path of the leaf as declared, Mounts likewise.
	Leaf   string
	Mounts []string
	Kinds  []string
	// Type of the value placeholder, nil when the line has none.
	Type AnyType
	// Apply returns the leaf's new value from its present effective value and
	// the argument (nil when the line has none). An error refuses the line;
	// its text is the operator's message.
	Apply func(now, arg any) (any, error)
}

// Bind declares a leaf whose value a feature reads as a field of its Config
// type C. Options are further fields set on the returned Leaf by With.
func Bind[C any, T comparable](path string, typ Type[T], field func(*C) *T, line, help string) Leaf {
	return Leaf{
		Path: path, Type: typ, Line: line, Help: help,
		set: func(config, value any) {
			if c, ok := config.(*C); ok {
				*field(c) = value.(T)
			}
		},
	}
}

// With returns the leaf after change, for fields beyond those Bind takes:
//
//	schema.Bind(…).With(func(l *schema.Leaf) { l.Default = ether.VLANID(1) })
func (l Leaf) With(change func(*Leaf)) Leaf {
	change(&l)
	return l
}

// Augment returns leaves mounted below each of mounts.
func Augment(mounts []string, leaves ...Leaf) []Leaf {
	for i := range leaves {
		leaves[i].Mounts = mounts
	}
	return leaves
}

// negated is the type of No.
type negated struct{}

// No is the stored value of a leaf whose no form is itself the local setting:
// it hides what a port-profile would supply and is printed as the no form.
// Reading it yields the default.
var No any = negated{}
