//! The rows: messages whose fields all differ from their defaults, then those where the absence of one means something.
//! The bytes were read and written once by another implementation of protobuf, the one for Python, and came out the same.

use prost::bytes::Bytes;
use tenure_wire::log_v1::*;

use super::Row;

/// Group 3, number 42.
const STREAM: u64 = 3 << 32 | 42;
const INCARNATION: u64 = 0x1122_3344_5566_7788;
const CHAIN: u64 = 0xa1a2_a3a4_a5a6_a7a8;

/// Everything in `call.proto`.
pub(super) fn stored() -> Vec<Row> {
    let call = |call| Call { call: Some(call) };
    vec![
        Row::of(owner(), "08 02  11 8877665544332211"),
        Row::of(
            record(),
            "18 80d095ffbc31  20 04  2a 07 534554206b2076  31 a8a7a6a5a4a3a2a1",
        ),
        Row::of(
            record_that_names_its_owner(),
            "08 07  11 8877665544332211  18 80d095ffbc31  20 04  2a 07 534554206b2076  31 a8a7a6a5a4a3a2a1",
        ),
        Row::of(
            append(),
            "09 2a00000003000000  10 07  19 8877665544332211  20 01  28 ab02 \
             32 1b 1880d095ffbc3120042a07534554206b207631a8a7a6a5a4a3a2a1",
        ),
        Row::of(
            fence(),
            "09 2a00000003000000  10 06  1a 0b 0802118877665544332211  20 c413  2a 03 08ac02",
        ),
        Row::of(SelfNomination { expect_tail: 300 }, "08 ac02"),
        Row::of(release(), "09 2a00000003000000  10 07  19 8877665544332211"),
        Row::of(point(300), "08 ac02  11 a8a7a6a5a4a3a2a1"),
        Row::of(
            trim(),
            "09 2a00000003000000  10 c801  1a 0c 08ac0211a8a7a6a5a4a3a2a1  22 0c 08fa0111a8a7a6a5a4a3a2a1 \
             2a 0c 08930211a8a7a6a5a4a3a2a1",
        ),
        Row::of(create(), "09 2a00000003000000  10 0b  18 01"),
        Row::of(Delete { stream: STREAM }, "09 2a00000003000000"),
        Row::of(
            call(call::Call::Append(append())),
            "0a 36 092a000000030000001007198877665544332211200128ab02321b1880d095ffbc3120042a07534554206b2076 \
             31a8a7a6a5a4a3a2a1",
        ),
        Row::of(
            call(call::Call::Fence(fence())),
            "12 20 092a0000000300000010061a0b080211887766554433221120c4132a0308ac02",
        ),
        Row::of(
            call(call::Call::Release(release())),
            "1a 14 092a000000030000001007198877665544332211",
        ),
        Row::of(
            call(call::Call::Trim(trim())),
            "22 36 092a0000000300000010c8011a0c08ac0211a8a7a6a5a4a3a2a1220c08fa0111a8a7a6a5a4a3a2a12a0c089302 \
             11a8a7a6a5a4a3a2a1",
        ),
        Row::of(call(call::Call::Create(create())), "2a 0d 092a00000003000000100b1801"),
        Row::of(
            call(call::Call::Delete(Delete { stream: STREAM })),
            "32 09 092a00000003000000",
        ),
        Row::of(renew(), "09 2a00000003000000  10 07  19 8877665544332211  20 01"),
        Row::of(WaitOut { lease_millis: 2500 }, "08 c413"),
        Row::of(
            ownership(),
            "08 07  12 0b 0802118877665544332211  18 c413  20 fa01  2a 03 08d00f  30 01",
        ),
        // A fence by the control plane; a replica that nominates itself on an empty stream.
        Row::of(
            Fence {
                nomination_by_self: None,
                ..fence()
            },
            "09 2a00000003000000  10 06  1a 0b 0802118877665544332211  20 c413",
        ),
        Row::of(
            Fence {
                nomination_by_self: Some(SelfNomination { expect_tail: 0 }),
                ..fence()
            },
            "09 2a00000003000000  10 06  1a 0b 0802118877665544332211  20 c413  2a 00",
        ),
        // A default is not written, except where a field is `optional`.
        Row::of(
            Create {
                stream: 0,
                tenant: 0,
                restore_window: false,
            },
            "",
        ),
        Row::of(
            Record {
                epoch: Some(0),
                ..Record::default()
            },
            "08 00",
        ),
    ]
}

/// What every write, renewal and read goes through.
pub(super) fn of_the_service() -> Vec<Row> {
    let submission = Submission {
        number: 9,
        call: Some(Call {
            call: Some(call::Call::Append(append())),
        }),
    };
    let answered = |number, answer| Answered {
        number,
        answer: Some(answer),
    };
    let appended = |outcome| AppendAnswer {
        credit_limit_bytes: 65536,
        outcome: Some(outcome),
    };
    let unknown = |why| Unknown { why: Some(why) };
    let fenced = Fenced {
        epoch: 8,
        fence_lsn: 301,
    };
    let renewed = |clear_in_nanos| Renewed {
        clear_in_nanos,
        credit_limit_bytes: 65536,
    };
    let renewal = |outcome| RenewAnswer { outcome: Some(outcome) };
    let batch = TailBatch {
        first: 300,
        records: vec![record_that_names_its_owner()],
        tail: 310,
    };
    vec![
        Row::of(
            SubmitRequest {
                group: 3,
                submissions: vec![submission.clone()],
            },
            "08 03 \
             12 3c 080912380a36092a000000030000001007198877665544332211200128ab02321b1880d095ffbc3120042a0753 \
             4554206b207631a8a7a6a5a4a3a2a1",
        ),
        Row::of(
            submission,
            "08 09 \
             12 38 0a36092a000000030000001007198877665544332211200128ab02321b1880d095ffbc3120042a07534554206b \
             207631a8a7a6a5a4a3a2a1",
        ),
        Row::of(
            SubmitResponse {
                answers: vec![
                    answered(
                        9,
                        answered::Answer::Append(appended(append_answer::Outcome::OkLsn(300))),
                    ),
                    answered(10, answered::Answer::Unknown(unknown(unknown::Why::Busy(Busy {})))),
                ],
            },
            "0a 0b 0809120708ac0248808004  0a 06 080a42020a00",
        ),
        Row::of(appended(append_answer::Outcome::OkLsn(300)), "08 ac02  48 808004"),
        Row::of(
            appended(append_answer::Outcome::Fenced(fenced)),
            "12 05 080810ad02  48 808004",
        ),
        Row::of(appended(append_answer::Outcome::GapTail(0)), "18 00  48 808004"),
        Row::of(appended(append_answer::Outcome::OldTail(300)), "20 ac02  48 808004"),
        Row::of(
            appended(append_answer::Outcome::Ahead(Ahead { current: 6 })),
            "2a 02 0806  48 808004",
        ),
        Row::of(appended(append_answer::Outcome::DivergedAt(299)), "30 ab02  48 808004"),
        Row::of(
            appended(append_answer::Outcome::NoStream(NoStream {})),
            "3a 00  48 808004",
        ),
        Row::of(
            appended(append_answer::Outcome::Malformed(Malformed {
                reason: Some(malformed::Reason::ForeignRecord(ForeignRecord { at: 1, epoch: 6 })),
            })),
            "42 06 2a0408011006  48 808004",
        ),
        Row::of(
            answered(
                9,
                answered::Answer::Fence(FenceAnswer {
                    outcome: Some(fence_answer::Outcome::Granted(granted())),
                }),
            ),
            "08 09  1a 1f 0a1d080710c41318ad0220ac0229a8a7a6a5a4a3a2a130e8fb033a0308d00f",
        ),
        Row::of(
            answered(
                9,
                answered::Answer::Fence(FenceAnswer {
                    outcome: Some(fence_answer::Outcome::Lost(FenceLost {
                        expected: 6,
                        epoch: 7,
                        owner: Some(owner()),
                    })),
                }),
            ),
            "08 09  1a 13 1211080610071a0b0802118877665544332211",
        ),
        Row::of(
            answered(
                9,
                answered::Answer::Release(ReleaseAnswer {
                    outcome: Some(release_answer::Outcome::ReleasedLsn(0)),
                }),
            ),
            "08 09  22 02 0800",
        ),
        Row::of(unknown(unknown::Why::Busy(Busy {})), "0a 00"),
        Row::of(
            unknown(unknown::Why::NotLeader(NotLeader { hint: Some(2) })),
            "12 02 0802",
        ),
        Row::of(unknown(unknown::Why::NotLeader(NotLeader { hint: None })), "12 00"),
        Row::of(unknown(unknown::Why::Discarded(Discarded {})), "1a 00"),
        Row::of(
            unknown(unknown::Why::TimedOut(TimedOut { after_millis: 2500 })),
            "22 03 08c413",
        ),
        Row::of(
            RenewRequest {
                group: 3,
                renews: vec![renew()],
            },
            "08 03  12 16 092a0000000300000010071988776655443322112001",
        ),
        Row::of(
            RenewResponse {
                answers: vec![
                    renewal(renew_answer::Outcome::Renewed(renewed(Some(1_500_000_000)))),
                    renewal(renew_answer::Outcome::NotHeld(NotHeld {
                        why: Some(not_held::Why::Fenced(fenced)),
                    })),
                    renewal(renew_answer::Outcome::Unknown(unknown(unknown::Why::Discarded(
                        Discarded {},
                    )))),
                ],
            },
            "0a 0c 0a0a0880dea0cb0510808004  0a 09 12070a05080810ad02  0a 04 1a021a00",
        ),
        // Nothing left to wait for, and not knowing how long, are different answers.
        Row::of(renewed(Some(0)), "08 00  10 808004"),
        Row::of(renewed(None), "10 808004"),
        Row::of(
            DescribeRequest {
                group: 3,
                streams: vec![STREAM, STREAM + 1],
            },
            "08 03  12 10 2a000000030000002b00000003000000",
        ),
        Row::of(
            DescribeResponse {
                answers: vec![
                    DescribeAnswer {
                        outcome: Some(describe_answer::Outcome::Status(status())),
                    },
                    DescribeAnswer {
                        outcome: Some(describe_answer::Outcome::NoStream(NoStream {})),
                    },
                ],
            },
            "0a 4a 0a48092a00000003000000100b1801221c0807120b080211887766554433221118c41320fa012a0308d00f3001 \
             28b81730ac0238c80141a8a7a6a5a4a3a2a148e8fb0350c0843d58d836  0a 02 1200",
        ),
        Row::of(
            TailRequest {
                open: Some(TailOpen {
                    stream: STREAM,
                    from: 300,
                }),
            },
            "0a 0c 092a0000000300000010ac02",
        ),
        Row::of(TailRequest { open: None }, ""),
        Row::of(
            TailResponse {
                outcome: Some(tail_response::Outcome::Batch(batch)),
            },
            "0a 2e 08ac02122608071188776655443322111880d095ffbc3120042a07534554206b207631a8a7a6a5a4a3a2a118b6 \
             02",
        ),
        Row::of(
            TailResponse {
                outcome: Some(tail_response::Outcome::Trimmed(299)),
            },
            "10 ab02",
        ),
    ]
}

/// What every entry and every election goes through.
pub(super) fn between_voters() -> Vec<Row> {
    let caller = RaftCaller {
        group: 3,
        quorum: Bytes::from_static(b"sixteen bytes it"),
        node: 1,
        incarnation: INCARNATION,
        target: 2,
    };
    let vote = RaftVote {
        term: 5,
        node: 1,
        committed: true,
    };
    let log_id = RaftLogId {
        term: 5,
        node: 1,
        index: 1000,
    };
    let response = |outcome| RaftAppendResponse { outcome: Some(outcome) };
    vec![
        Row::of(
            caller.clone(),
            "08 03  12 10 7369787465656e206279746573206974  18 01  21 8877665544332211  28 02",
        ),
        Row::of(vote, "08 05  10 01  18 01"),
        Row::of(log_id, "08 05  10 01  18 e807"),
        Row::of(
            RaftAppendRequest {
                caller: Some(caller.clone()),
                vote: Some(vote),
                prev: Some(log_id),
                commit: Some(RaftLogId { index: 990, ..log_id }),
                entries: vec![Bytes::from_static(b"first"), Bytes::new(), Bytes::from_static(b"third")],
            },
            "0a 21 080312107369787465656e20627974657320697418012188776655443322112802  12 06 080510011801 \
             1a 07 0805100118e807  22 07 0805100118de07  2a 05 6669727374  2a 00  2a 05 7468697264",
        ),
        // A heartbeat.
        Row::of(
            RaftAppendRequest {
                vote: Some(vote),
                ..RaftAppendRequest::default()
            },
            "12 06 080510011801",
        ),
        Row::of(
            response(raft_append_response::Outcome::Matching(RaftMatching {
                log_id: Some(log_id),
            })),
            "0a 09 0a070805100118e807",
        ),
        Row::of(
            response(raft_append_response::Outcome::Matching(RaftMatching { log_id: None })),
            "0a 00",
        ),
        Row::of(
            response(raft_append_response::Outcome::Conflict(log_id)),
            "12 07 0805100118e807",
        ),
        Row::of(
            response(raft_append_response::Outcome::HigherVote(vote)),
            "1a 06 080510011801",
        ),
        Row::of(
            RaftVoteRequest {
                caller: Some(caller.clone()),
                vote: Some(RaftVote {
                    committed: false,
                    ..vote
                }),
                last_log_id: Some(log_id),
                leadership_transfer: true,
            },
            "0a 21 080312107369787465656e20627974657320697418012188776655443322112802  12 04 08051001 \
             1a 07 0805100118e807  20 01",
        ),
        Row::of(
            RaftVoteResponse {
                vote: Some(vote),
                last_log_id: Some(log_id),
                granted: true,
            },
            "0a 06 080510011801  12 07 0805100118e807  18 01",
        ),
        Row::of(
            RaftTransferLeaderRequest {
                caller: Some(caller),
                from_leader: Some(vote),
                to_node: 2,
                last_log_id: Some(log_id),
            },
            "0a 21 080312107369787465656e20627974657320697418012188776655443322112802  12 06 080510011801 \
             18 02  22 07 0805100118e807",
        ),
        Row::of(RaftTransferLeaderResponse { accepted: true }, "08 01"),
    ]
}

pub(super) fn append() -> Append {
    Append {
        stream: STREAM,
        epoch: 7,
        incarnation: INCARNATION,
        under_lease: true,
        prev_lsn: 299,
        records: vec![record()],
    }
}

pub(super) fn release() -> Release {
    Release {
        stream: STREAM,
        epoch: 7,
        incarnation: INCARNATION,
    }
}

fn owner() -> Owner {
    Owner {
        node: 2,
        incarnation: INCARNATION,
    }
}

fn record() -> Record {
    Record {
        epoch: None,
        incarnation: None,
        written_at_unix_millis: 1_700_000_000_000,
        engine_version: 4,
        payload: Bytes::from_static(b"SET k v"),
        chain: CHAIN,
    }
}

fn record_that_names_its_owner() -> Record {
    Record {
        epoch: Some(7),
        incarnation: Some(INCARNATION),
        ..record()
    }
}

fn fence() -> Fence {
    Fence {
        stream: STREAM,
        expect_epoch: 6,
        owner: Some(owner()),
        lease_millis: 2500,
        nomination_by_self: Some(SelfNomination { expect_tail: 300 }),
    }
}

fn point(lsn: u64) -> StreamPoint {
    StreamPoint { lsn, chain: CHAIN }
}

fn trim() -> Trim {
    Trim {
        stream: STREAM,
        upto: 200,
        newest: Some(point(300)),
        second_newest: Some(point(250)),
        archived: Some(point(275)),
    }
}

fn create() -> Create {
    Create {
        stream: STREAM,
        tenant: 11,
        restore_window: true,
    }
}

fn renew() -> Renew {
    Renew {
        stream: STREAM,
        epoch: 7,
        incarnation: INCARNATION,
        under_lease: true,
    }
}

fn ownership() -> Ownership {
    Ownership {
        epoch: 7,
        owner: Some(owner()),
        lease_millis: 2500,
        began_at: 250,
        wait_out: Some(WaitOut { lease_millis: 2000 }),
        released: true,
    }
}

fn granted() -> Granted {
    Granted {
        epoch: 7,
        lease_millis: 2500,
        fence_lsn: 301,
        tail: 300,
        chain: CHAIN,
        appended_bytes: 65000,
        wait_out: Some(WaitOut { lease_millis: 2000 }),
    }
}

fn status() -> StreamStatus {
    StreamStatus {
        stream: STREAM,
        tenant: 11,
        restore_window: true,
        ownership: Some(ownership()),
        longest_lease_millis: 3000,
        tail: 300,
        trim: 200,
        chain: CHAIN,
        appended_bytes: 65000,
        last_request_age_nanos: 1_000_000,
        retained_bytes: 7000,
    }
}
