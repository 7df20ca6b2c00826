//! One chain without anybody who mends hashes.

use super::*;

#[test]
fn a_whole_trail_is_intact_in_whatever_order_it_came() {
    let key = KeyPair::new_user();
    let mut instance = a_chain(&key);
    let lines = payloads(&instance.trail);
    let report = verify(&[&key], &lines);
    assert!(report.intact, "{report:?}");
    let chain = &report.chains[0];
    assert_eq!((chain.first, chain.last, chain.events), (1, 8, 8));
    assert_eq!((chain.vouched_until, chain.unvouched, chain.stopped), (Some(8), 0, false));
    for seed in 0..50 {
        let mut shuffled = lines.clone();
        fastrand::Rng::with_seed(seed).shuffle(&mut shuffled);
        assert_eq!(verify(&[&key], &shuffled).chains, report.chains);
        assert!(verify(&[&key], &shuffled).intact);
    }
    instance.decide_all(3);
    let open = verify(&[&key], &payloads(&instance.trail));
    assert!(open.intact);
    assert_eq!((open.chains[0].unvouched, open.unvouched()), (3, 3));
    instance.stop();
    let stopped = verify(&[&key], &payloads(&instance.trail));
    assert!(stopped.intact && stopped.chains[0].stopped);
    instance.decide("after the end");
    let after = verify(&[&key], &payloads(&instance.trail));
    assert_eq!(first(&after), (Kind::Added, 13, Some(13)));
}

#[test]
fn what_is_missing_is_named() {
    let key = KeyPair::new_user();
    let lines = payloads(&a_chain(&key).trail);
    for missing in 1..8 {
        let mut left = lines.clone();
        left.remove(missing - 1);
        let report = verify(&[&key], &left);
        let missing = missing as u64;
        assert_eq!(first(&report), (Kind::Missing, missing, Some(missing)), "{report:?}");
        assert_eq!((report.findings.len(), report.counts.missing), (1, 1), "{report:?}");
    }
    let mut left = lines.clone();
    left.drain(2..5);
    let report = verify(&[&key], &left);
    let finding = report.first().unwrap();
    assert_eq!((finding.sequence, finding.last, report.counts.missing), (Some(3), Some(5), 3));
    let told = finding.sentence("line");
    assert!(told.starts_with("missing: events 3 to 5 of instance "), "{told}");
    assert!(told.contains("at line 3, 2"), "{told}");
}

#[test]
fn what_is_changed_is_named_once() {
    let key = KeyPair::new_user();
    let lines = payloads(&a_chain(&key).trail);
    for index in 0..8 {
        let mut changed = lines.clone();
        changed[index] = with(&lines[index], "\"outcome\":\"", "\"outcome\":\"x");
        let report = verify(&[&key], &changed);
        let place = index as u64 + 1;
        assert_eq!(first(&report), (Kind::Changed, place, Some(place)));
        assert_eq!(report.counts.all(), 1, "{report:?}");
    }
    // With its hash mended, the event after it gives it away.
    let mut changed = lines.clone();
    changed[3] = mended(&lines[3], "\"what\":\"1\"", "\"what\":\"9\"");
    let report = verify(&[&key], &changed);
    assert_eq!(first(&report), (Kind::Changed, 4, Some(4)), "{report:?}");
    assert_eq!(report.counts.all(), 1);
}

#[test]
fn what_swapped_places_is_named() {
    let key = KeyPair::new_user();
    let instance = a_chain(&key);
    let lines = payloads(&instance.trail);
    // In the file only: their sequences count.
    let mut moved = lines.clone();
    moved.swap(3, 4);
    assert!(verify(&[&key], &moved).intact);
    let renumbered = |line: &[u8], from: u64, to: u64, mend: bool| {
        let id = instance.id();
        let line = with(line, &format!("{id}-{from}\""), &format!("{id}-{to}\""));
        let (from, to) = (format!("\"{from:020}\""), format!("\"{to:020}\""));
        if mend { mended(&line, &from, &to) } else { with(&line, &from, &to) }
    };
    for mend in [false, true] {
        let mut swapped = lines.clone();
        swapped[3] = renumbered(&lines[4], 5, 4, mend);
        swapped[4] = renumbered(&lines[3], 4, 5, mend);
        let report = verify(&[&key], &swapped);
        assert!(!report.intact);
        let kinds: Vec<_> = report.findings.iter().map(|it| (it.kind, it.sequence)).collect();
        assert!(kinds.contains(&(Kind::Reordered, Some(5))), "{mend}: {report:?}");
        assert!(report.first().unwrap().sequence <= Some(5), "{report:?}");
    }
}

#[test]
fn what_was_added_is_named() {
    let key = KeyPair::new_user();
    let instance = a_chain(&key);
    let lines = payloads(&instance.trail);
    let added = |line: Vec<u8>| {
        let mut lines = lines.clone();
        lines.insert(4, line);
        verify(&[&key], &lines)
    };
    let copy = added(lines[2].clone());
    assert_eq!(first(&copy), (Kind::Added, 5, Some(3)));
    assert!(copy.first().unwrap().what.contains("the same bytes"), "{copy:?}");
    let other = added(mended(&lines[2], "\"what\":\"0\"", "\"what\":\"9\""));
    assert_eq!(first(&other), (Kind::Added, 5, Some(3)));
    assert!(other.first().unwrap().what.contains("another event"), "{other:?}");
    for nonsense in ["", "{}", "nonsense", "{\"id\":\"x\"}", "\u{1}"] {
        assert_eq!(first(&added(nonsense.into())), (Kind::Added, 5, None), "{nonsense}");
    }
    for sequence in [0, u64::MAX, u64::MAX - 1] {
        let id = instance.id();
        let line = with(&lines[2], &format!("{id}-3\""), &format!("{id}-{sequence}\""));
        let line = mended(&line, "00000000000000000003", &format!("{sequence:020}"));
        assert_eq!(first(&added(line)).0, Kind::Added, "{sequence}");
    }
}

#[test]
fn what_the_message_says_must_be_what_the_event_says() {
    let key = KeyPair::new_user();
    let instance = a_chain(&key);
    let take = |verifier: &mut Verifier, it: &Sealed, subject: &str, id: &str| {
        let (message_id, at) = (Some(id), it.sequence);
        verifier.take(Found { at, subject: Some(subject), message_id, payload: &it.payload });
    };
    let id = |it: &Sealed| format!("{}-{}", instance.id(), it.sequence);
    let report = |wrong: u64, subject: Option<&str>, message_id: Option<&str>| {
        let mut verifier = believing(&[&key]);
        for it in &instance.trail {
            match it.sequence == wrong {
                true => take(
                    &mut verifier,
                    it,
                    subject.unwrap_or(&it.subject),
                    message_id.unwrap_or(&id(it)),
                ),
                false => take(&mut verifier, it, &it.subject, &id(it)),
            }
        }
        verifier.finish(Beginning::First, false)
    };
    assert!(report(0, None, None).intact);
    assert_eq!(first(&report(4, None, Some("x"))), (Kind::Added, 4, Some(4)));
    let own = &instance.trail[3].subject;
    for wrong in [
        "hallpass.audit.x".to_owned(),
        own.replace("granted", "refused"),
        own.replace(".APP.", ".OTHER."),
        own.replace("decision", "maps"),
        format!("{own}x"),
        own.replace("hallpass.", "other."),
    ] {
        assert_eq!(first(&report(4, Some(&wrong), None)), (Kind::Added, 4, Some(4)), "{wrong}");
    }
}

#[test]
fn a_message_deleted_from_the_stream_is_named_by_its_chain_first() {
    let key = KeyPair::new_user();
    let instance = a_chain(&key);
    let mut verifier = believing(&[&key]);
    for it in instance.trail.iter().filter(|it| it.sequence != 4) {
        let (at, subject) = (it.sequence + 100, Some(it.subject.as_str()));
        verifier.take(Found { at, subject, message_id: None, payload: &it.payload });
    }
    assert!(verifier.lacks_any());
    let id = |sequence: u64| format!("{}-{sequence}", instance.id());
    assert!(verifier.lacks(&id(4)) && !verifier.lacks(&id(5)) && !verifier.lacks(&id(9)));
    let report = verifier.finish(Beginning::First, false);
    assert_eq!(first(&report), (Kind::Missing, 105, Some(4)));
    assert_eq!((report.findings.len(), report.counts.missing), (2, 1));
    assert_eq!(report.findings[1].what, "message 104 of the stream is gone");
}

#[test]
fn a_tail_deleted_from_the_stream_is_missed_by_its_number() {
    let key = KeyPair::new_user();
    let instance = a_chain(&key);
    let until = |last| {
        let mut verifier = believing(&[&key]);
        for it in &instance.trail {
            let (at, subject) = (it.sequence + 100, Some(it.subject.as_str()));
            verifier.take(Found { at, subject, message_id: None, payload: &it.payload });
        }
        verifier.ends_at(last);
        verifier.finish(Beginning::First, false)
    };
    // More may have come since the stream was asked.
    assert!(until(108).intact && until(107).intact);
    let report = until(110);
    assert!(!report.intact);
    assert_eq!(report.findings[0].what, "messages 109 to 110 of the stream are gone");
}

#[test]
fn holes_without_number_need_no_memory_without_bound() {
    let instance = InstanceId::fresh();
    let mut trace = Trace::default();
    let mark = Mark { at: 1, time: None };
    for sequence in (2..500_000).step_by(2) {
        let head = Head { instance, sequence, hash: Hash::NONE };
        assert!(trace.place(head, Hash::NONE, mark, false).is_some());
    }
    assert_eq!(trace.segments.len(), 100_000);
    let kept: u64 = trace
        .segments
        .iter()
        .zip(trace.segments.keys().skip(1))
        .map(|((_, it), next)| next - it.high - 1)
        .sum();
    assert_eq!(trace.torn + kept, 249_998);
}
