//! Rules of credit: what is granted stays granted, and it is never a reason to refuse an append.

use super::writer::*;
use super::{World, not_tried};
use crate::{AppendVerdict, Credit};

/// Under one leader the limit an owner hears of never goes down, so late and lost answers do no harm. A new leader may
/// name a lower one: it does not know what others granted, and owners keep the highest they heard.
pub async fn credit_is_never_taken_back(world: &impl World) {
    let stream = new_stream(world).await;
    let mut writer = Writer::fencing(world, stream, 1).await;
    let mut held = Credit::NONE;
    for round in 0..5 {
        let append = writer.write("x");
        let appended = settled(world, || world.log().append(append.clone())).await.unwrap();
        let renewed = writer.renew(world).await.unwrap();
        assert!(
            held <= appended.credit && appended.credit <= renewed.credit,
            "round {round}"
        );
        held = renewed.credit;
        if round == 1 && !world.stop_granting_credit().await {
            return not_tried("credit_is_never_taken_back", "stop granting credit");
        }
    }
}

/// Without credit an owner is told so; what it has executed all the same is taken.
pub async fn append_is_never_refused_for_credit(world: &impl World) {
    let stream = new_stream(world).await;
    let mut writer = Writer::fencing(world, stream, 1).await;
    if !world.stop_granting_credit().await {
        return not_tried("append_is_never_refused_for_credit", "stop granting credit");
    }
    let payload = "x".repeat(1 << 10);
    let mut appended_bytes = 0;
    for _ in 0..64 {
        let append = writer.write(&payload);
        let appended = settled(world, || world.log().append(append.clone())).await.unwrap();
        assert_eq!(
            appended.verdict,
            AppendVerdict::Ok {
                lsn: writer.tail().unwrap()
            }
        );
        appended_bytes += append.records[0].charged_bytes();
        assert_eq!(appended.credit.left(appended_bytes), 0, "no credit was granted");
    }
}
