//! DUMP and RESTORE. Payloads are from redis 7.0.15 where nothing else is said, and it reads ours.
mod harness;
mod payload;

use harness::{START_MILLIS, Shard};
use payload::{bytes, sealed, unquoted};

const HELLO: &str = "000568656c6c6f0a006372df766534200a";
const BAD_FORMAT: &str = "(error) ERR Bad data format";
const BAD_PAYLOAD: &str = "(error) ERR DUMP payload version or checksum are wrong";

fn restore(shard: &mut Shard, arguments: &str, payload: &[u8]) -> String {
    let mut words = harness::words(&format!("RESTORE {arguments}"));
    words.insert(3, payload.to_vec());
    shard.run_args(&words)
}

fn restored(payload: &[u8]) -> String {
    let mut shard = Shard::new();
    match restore(&mut shard, "k 0", payload).as_str() {
        "OK" => harness::dump(&shard.primary).remove(0),
        error => error.to_owned(),
    }
}

#[test]
fn strings_of_redis_are_restored() {
    let cases = [
        ("00000a005d9b5c400f7fa2da", String::new()),
        (HELLO, "hello".to_owned()),
        ("00c0ff0a000c937e2485089dc5", "-1".to_owned()),
        ("00c17fff0a001760822854808480", "-129".to_owned()),
        ("00c2ffffff7f0a002c74e59ee02eada1", "2147483647".to_owned()),
        ("00c2000000800a00c74f873e33558187", "-2147483648".to_owned()),
        ("000a323134373438333634380a00e7b129a34c1d76ee", "2147483648".to_owned()),
        ("00c30615016161e00a000a00fd0cb36807413f68", "a".repeat(21)),
        (
            "00c31343e802616261e0ff01e0ff01e0ff01e0c2010161620a00b47609dbfd1d6016",
            "ab".repeat(500),
        ),
        (
            "00c314230c68656c6c6f20776f726c642068e00b0b016c640a00778390696934acb7",
            "hello world hello world hello world".to_owned(),
        ),
    ];
    for (payload, value) in cases {
        assert_eq!(restored(&bytes(payload)), format!("\"k\" = {value:?} until None"));
    }
}

#[test]
fn hashes_of_redis_are_restored() {
    let small = "[(\"big\", \"1234567890123\"), (\"e\", \"\"), (\"f\", \"v\"), (\"i16\", \"-300\"), \
                 (\"i24\", \"70000\"), (\"i32\", \"20000000\"), (\"m\", \"-1\"), (\"n\", \"1\")]";
    let long = format!("[(\"f\", {:?})]", "x".repeat(64));
    let table = format!("[(\"f\", {:?}), (\"g\", \"70000\"), (\"h\", \"1\")]", "a".repeat(80));
    let old = "[(\"f\", \"v\"), (\"i0\", \"0\"), (\"i12\", \"12\"), (\"i16\", \"-300\"), (\"i24\", \"-70000\"), \
               (\"i32\", \"20000000\"), (\"i64\", \"-1234567890123\"), (\"i8\", \"-100\")]";
    let cases = [
        // A listpack, a compressed listpack, strings.
        (
            "104049490000001000816602817602816e020101816d02dfff028362696704f4cb04fb711f010000098369313604ded402836932340\
             4f2701101048369333204f3002d3101058165028001ff0a00896ebb6813ee7888",
            small,
        ),
        (
            "10c313404d0b4d0000000200816602e04078e036000142ff0a00d29928e2acb4c742",
            &long,
        ),
        (
            "04030167c2701101000166c3094050016161e043000161610168c0010a0013465bdb27ed9472",
            &table,
        ),
        // A ziplist, as before 7.0, made by hand; redis 7.0.15 reads the same in it.
        (
            "0d4052520000004700000010000001660301760302693004f1020369313205fd0202693804fe9c030369313605c0d4fe04036932340\
             5f090eefe050369333205d0002d3101060369363405e035fb048ee0feffffff090038d9edec9852c4d8",
            old,
        ),
    ];
    for (payload, fields) in cases {
        assert_eq!(restored(&bytes(payload)), format!("\"k\" = {fields} until None"));
    }
}

#[test]
fn a_dump_has_the_lowest_version_and_integers_as_such() {
    // redis 7.0.15 restores these.
    let cases: [(&str, &[u8]); 7] = [
        ("\"\"", b"\x00\x00"),
        ("hello", b"\x00\x05hello"),
        ("-1", b"\x00\xc0\xff"),
        ("-129", b"\x00\xc1\x7f\xff"),
        ("32768", b"\x00\xc2\x00\x80\x00\x00"),
        ("2147483648", b"\x00\x0a2147483648"),
        ("012", b"\x00\x03012"),
    ];
    for (value, dumped) in cases {
        let payload = sealed(dumped, 6);
        Shard::new().check(&[
            (&format!("SET k {value}"), "OK"),
            ("DUMP k", &format!("\"{}\"", payload.escape_ascii())),
            ("DUMP nope", "(nil)"),
        ]);
    }
}

#[test]
fn what_was_dumped_here_is_restored_here() {
    let mut shard = Shard::new();
    let hash = sealed(b"\x04\x02\x01f\x01v\x01n\xc0\x07", 10);
    assert_eq!(restore(&mut shard, "h 0", &hash), "OK");
    for length in [0, 63, 64, 16_383, 16_384] {
        shard.run(&format!("SET s{length} \"{}\"", "x".repeat(length)));
    }
    let mut copy = Shard::new();
    for key in ["h", "s0", "s63", "s64", "s16383", "s16384"] {
        let payload = unquoted(&shard.run(&format!("DUMP {key}")));
        assert_eq!(restore(&mut copy, &format!("{key} 0"), &payload), "OK");
    }
    assert_eq!(harness::dump(&shard.primary), harness::dump(&copy.primary));
}

#[test]
fn a_key_that_is_there_is_replaced_only_if_asked() {
    let mut shard = Shard::new();
    let (hello, hash) = (bytes(HELLO), sealed(b"\x04\x01\x01f\x01v", 10));
    let busy = "(error) BUSYKEY Target key name already exists.";
    shard.check(&[("SET k old", "OK"), ("EXPIRE k 100", "(integer) 1")]);
    assert_eq!(restore(&mut shard, "k 0", &hello), busy);
    assert_eq!(restore(&mut shard, "k x", b"nonsense"), busy);
    assert_eq!(restore(&mut shard, "k 0 REPLACE", b"nonsense"), BAD_PAYLOAD);
    shard.check(&[("GET k", "\"old\"")]);
    assert_eq!(restore(&mut shard, "k 0 REPLACE", &hello), "OK");
    shard.check(&[("GET k", "\"hello\""), ("TTL k", "(integer) -1")]);
    assert_eq!(restore(&mut shard, "k 0 replace", &hash), "OK");
    assert_eq!(harness::dump(&shard.primary), ["\"k\" = [(\"f\", \"v\")] until None"]);
    assert_eq!(restore(&mut shard, "k 0 replace", &hello), "OK");
    shard.check(&[("GET k", "\"hello\"")]);
}

#[test]
fn the_time_to_live_is_relative_or_absolute() {
    for payload in [bytes(HELLO), sealed(b"\x04\x01\x01f\x01v", 10)] {
        let mut shard = Shard::new();
        assert_eq!(restore(&mut shard, "k 5000", &payload), "OK");
        shard.check(&[("PTTL k", "(integer) 5000")]);
        let at = START_MILLIS + 7_000;
        assert_eq!(restore(&mut shard, &format!("k {at} REPLACE ABSTTL"), &payload), "OK");
        shard.check(&[("PTTL k", "(integer) 7000")]);
        assert_eq!(restore(&mut shard, "k 0 ABSTTL REPLACE", &payload), "OK");
        shard.check(&[("PTTL k", "(integer) -1")]);
        // Passed already: the key does not come, and what was there goes.
        assert_eq!(restore(&mut shard, "k 1 ABSTTL REPLACE", &payload), "OK");
        assert_eq!(restore(&mut shard, "other 1 ABSTTL", &payload), "OK");
        shard.check(&[("DBSIZE", "(integer) 0")]);
    }
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let (syntax, integer) = (
        "(error) ERR syntax error",
        "(error) ERR value is not an integer or out of range",
    );
    let frequency = "(error) ERR Invalid FREQ value, must be >= 0 and <= 255";
    for (arguments, expected) in [
        ("k x", integer),
        ("k -1", "(error) ERR Invalid TTL value, must be >= 0"),
        (
            "k 9223372036854775807",
            "(error) ERR invalid expire time in 'restore' command",
        ),
        ("k 0 FOO", syntax),
        ("k 0 IDLETIME", syntax),
        ("k 0 IDLETIME x", integer),
        ("k 0 IDLETIME -1", "(error) ERR Invalid IDLETIME value, must be >= 0"),
        ("k 0 FREQ", syntax),
        ("k 0 FREQ x", integer),
        ("k 0 FREQ -1", frequency),
        ("k 0 FREQ 256", frequency),
        ("k 0 IDLETIME 1 FREQ 1", syntax),
        ("k 0 FREQ 1 IDLETIME 1", syntax),
        ("k 0 FREQ 255", "OK"),
        ("k 0 REPLACE IDLETIME 1 IDLETIME 2", "OK"),
    ] {
        assert_eq!(
            restore(&mut Shard::new(), arguments, &bytes(HELLO)),
            expected,
            "{arguments}"
        );
    }
}

#[test]
fn types_that_are_not_held_are_refused_by_name() {
    for (payload, kind) in [
        ("1201020a0a0000000100816102ff0a0009b9edf594ded995", "list"),
        ("0b0c0200000002000000010002000a006f7938b134eb202e", "set"),
        ("020101780a00ffe880ba760c2f09", "set"),
        (
            "0907010166010076ff0600ef79c734d4ccebb3",
            "zipmap (a hash of Redis before 2.6)",
        ),
    ] {
        let expected = format!("(error) ERR DUMP payload holds a {kind}, which cannot be restored here");
        assert_eq!(restored(&bytes(payload)), expected);
    }
}

#[test]
fn a_payload_that_is_not_what_was_written_is_refused() {
    let whole = bytes(HELLO);
    for length in 0..whole.len() {
        assert_eq!(restored(&whole[..length]), BAD_PAYLOAD, "{length} bytes of it");
    }
    for bit in 0..whole.len() * 8 {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(restored(&flipped), BAD_PAYLOAD, "bit {bit} flipped");
    }
}

#[test]
fn only_versions_that_we_know_are_read() {
    for (version, readable) in [
        (0, false),
        (1, true),
        (6, true),
        (11, true),
        (12, true),
        (13, false),
        (80, true),
        (81, false),
    ] {
        let payload = sealed(b"\x00\x01a", version);
        let expected = if readable {
            "\"k\" = \"a\" until None"
        } else {
            BAD_PAYLOAD
        };
        assert_eq!(restored(&payload), expected, "version {version}");
    }
}

#[test]
fn a_payload_that_makes_no_sense_is_refused_though_its_checksum_is_right() {
    let cases: [(&str, &[u8]); 19] = [
        ("nothing", b""),
        ("a type that nobody writes", b"\xc8\x00"),
        ("more behind the value", b"\x00\x01aX"),
        ("a string that is not all there", b"\x00\x05a"),
        ("a string whose length says 2^63 bytes", b"\x00\x81\x80\0\0\0\0\0\0\0a"),
        ("a length of no known kind", b"\x00\x82a"),
        ("a string that is packed in no known way", b"\x00\xc4a"),
        ("a string that unpacks to less", b"\x00\xc3\x02\x05\x00a"),
        (
            "a string that cannot unpack to so much",
            b"\x00\xc3\x02\x80\x00\x10\x00\x00\x00a",
        ),
        ("an empty hash", b"\x04\x00"),
        ("a field that comes twice", b"\x04\x02\x01f\x01v\x01f\x01w"),
        ("more pairs than bytes", b"\x04\x80\xff\xff\xff\xff\x01f\x01v"),
        (
            "a listpack with a field without a value",
            b"\x10\x0a\x0a\0\0\0\x01\0\x81f\x02\xff",
        ),
        (
            "a listpack that says it is longer",
            b"\x10\x0d\x0e\0\0\0\x02\0\x81f\x02\x81v\x02\xff",
        ),
        (
            "a listpack without an end",
            b"\x10\x0d\x0d\0\0\0\x02\0\x81f\x02\x81v\x02\xfe",
        ),
        (
            "a listpack that counts wrong",
            b"\x10\x0d\x0d\0\0\0\x04\0\x81f\x02\x81v\x02\xff",
        ),
        (
            "a listpack with a wrong length behind an entry",
            b"\x10\x0d\x0d\0\0\0\x02\0\x81f\x03\x81v\x02\xff",
        ),
        (
            "a ziplist with a wrong length before an entry",
            b"\x0d\x11\x11\0\0\0\x0d\0\0\0\x02\0\0\x01f\x04\x01v\xff",
        ),
        (
            "a ziplist that ends elsewhere",
            b"\x0d\x11\x11\0\0\0\x0a\0\0\0\x02\0\0\x01f\x03\x01v\xff",
        ),
    ];
    for (what, value) in cases {
        assert_eq!(restored(&sealed(value, 10)), BAD_FORMAT, "{what}");
    }
    for whole in [
        &b"\x10\x0d\x0d\0\0\0\x02\0\x81f\x02\x81v\x02\xff"[..],
        b"\x0d\x11\x11\0\0\0\x0d\0\0\0\x02\0\0\x01f\x03\x01v\xff",
    ] {
        assert_eq!(restored(&sealed(whole, 10)), "\"k\" = [(\"f\", \"v\")] until None");
    }
    let much = b"\x00\xc3\x02\x80\x20\x00\x00\x01\x00a";
    let expected = "(error) ERR DUMP payload holds more than 7340032 bytes";
    assert_eq!(restored(&sealed(much, 10)), expected);
}
