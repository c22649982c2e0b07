// Package acceptance runs the built binaries as a user would: the lab, the
// appliance in a namespace with interfaces, and a chassis of processes. It has
// no code outside its tests.
//
// The binaries are taken from $TRUNKLINE_BIN, else built into a temporary
// directory. Tests that need root skip without it and say so.
package acceptance
