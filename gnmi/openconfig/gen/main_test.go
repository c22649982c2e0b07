package main

import (
	"bytes"
	"os"
	"testing"
)

// TestList regenerates the list in the tree.
func TestList(t *testing.T) {
	table, err := os.ReadFile("leaves.tsv")
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("../leaves.txt")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(list(table), want) {
		t.Error("leaves.txt is not what go generate ./gnmi/openconfig makes")
	}
}
