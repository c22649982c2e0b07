// Package api holds what supervisor (VSM) and line card (VEM) say to each
// other: the messages of linecard.proto and their generated code, the JSON
// inside reports and queries, and the names in certificates and tokens by which
// the two know each other.
package api

//go:generate sh generate.sh
