# Everything a person or a CI does with this repository. `make demo` and `make test` work as the first command on a
# machine that has git, a Rust toolchain and Debian's base; what is missing is installed by scripts/setup, which says so.

CARGO ?= cargo
DEMO  := tests/cases/demo/input.pcap

.PHONY: help demo test lint bench doc build setup setup-test geoip clean

help:
	@echo "make demo    build, and read the bundled capture with the embedded data"
	@echo "make test    all tests"
	@echo "make lint    formatting, clippy, docs, licences; warnings fail"
	@echo "make bench   speed and memory, beside tshark, ndpiReader and nfpcapd on the same file"
	@echo "make geoip   rebuild geoip/whither-geo.mmdb.zst from its pinned source packages"

setup:
	@scripts/setup build

setup-test:
	@scripts/setup test

build: setup
	$(CARGO) build --release --locked

demo: build
	@echo
	@echo "== whither read --flag CN --app wechat,tiktok $(DEMO)"
	@target_dir=$$($(CARGO) metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/'); \
	"$$target_dir/release/whither" read --flag CN --app wechat,tiktok $(DEMO)
	@echo
	@echo "The capture is made by this repository's own tests: a phone opens WeChat and TikTok. One server stands in China,"
	@echo "one abroad belongs to a Chinese company, and of one it cannot be told. See README.md for how to read this."

test: setup-test
	$(CARGO) test --locked --no-fail-fast

lint: setup
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps --document-private-items
	scripts/deny

bench: build
	@scripts/setup bench
	scripts/bench

doc:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps --document-private-items

geoip: build
	scripts/geoip-fetch geoip/work
	target/release/whither geoip build --inputs geoip/work --output geoip/whither-geo.mmdb
	zstd -19 --force --quiet geoip/whither-geo.mmdb -o geoip/whither-geo.mmdb.zst

clean:
	$(CARGO) clean
