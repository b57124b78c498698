//! The proofs: every scope holds when every rule is followed, and every rule is missed when it is not.
//! A rule that is no longer missed means that the model lost a scope, or that the rule protects nothing.

use tenure_log_model::{Rule, Scope, scope, search};

fn holds(scope: Scope) {
    let report = search::whole(scope);
    assert!(report.broken.is_empty(), "{}: {:#?}", scope.name, report.broken);
    assert!(
        report.unreached.is_empty(),
        "{}: nobody reaches {:?}",
        scope.name,
        report.unreached
    );
}

fn each_is_missed(rules: &[Rule]) {
    for &rule in rules {
        let (scope, property) = rule.missed_in();
        let run = search::without(rule);
        assert!(
            run.is_some(),
            "without {rule:?}, \"{property}\" still holds in scope {}",
            scope.name
        );
    }
}

#[test]
fn leases_hold() {
    holds(scope::LEASES);
}

#[test]
fn leases_hold_at_every_rate_of_every_clock() {
    holds(scope::RATES);
}

#[test]
fn writes_hold() {
    holds(scope::WRITES);
}

#[test]
fn succession_holds() {
    holds(scope::SUCCESSION);
}

#[test]
fn reelection_holds() {
    holds(scope::REELECTION);
}

#[test]
fn self_nomination_holds() {
    holds(scope::SELF_NOMINATION);
}

#[test]
fn incarnations_hold() {
    holds(scope::INCARNATIONS);
}

#[test]
fn handover_holds() {
    holds(scope::HANDOVER);
}

#[test]
fn shortening_holds() {
    holds(scope::SHORTENING);
}

#[test]
fn shortening_holds_while_leadership_goes_to_a_follower_and_back() {
    holds(scope::LEADERS);
}

#[test]
fn shortening_holds_with_writes() {
    holds(scope::SHORTENED_WRITES);
}

#[test]
fn handover_holds_with_shortening() {
    holds(scope::SHORTENED_HANDOVER);
}

#[test]
fn every_rule_of_verdicts_is_missed() {
    each_is_missed(&Rule::OF_VERDICTS);
}

#[test]
fn every_rule_of_leases_is_missed() {
    each_is_missed(&Rule::OF_LEASES);
}

#[test]
fn every_rule_of_the_wait_out_is_missed() {
    each_is_missed(&Rule::OF_WAIT_OUT);
}

#[test]
fn every_rule_of_the_shortening_is_missed() {
    each_is_missed(&Rule::OF_SHORTENING);
}
