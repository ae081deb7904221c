"""What may happen to a run, row by row of the list of faults, and the tests that make it happen: each injects the fault, shows
that it bit, and what held. A row whose test is renamed or gone fails here."""

import ast
from functools import cache

import pytest

from tests.repo import tree

ENGINE, WIRE, WEB, LIVE = "tests/engine/test_{}.py", "tests/wire/test_{}.py", "tests/web/test_{}.py", "tests/live/test_{}.py"
CRASH, DEATHS, MEETINGS, RACES = (ENGINE.format(name) for name in ("crash", "deaths", "meetings", "races"))
WAITS = ENGINE.format("wait_meetings")
OUTAGES, CLOCKS, TIME, ANSWERS = (ENGINE.format(name) for name in ("outages", "clocks", "time", "answers"))
MACHINE = f"{ENGINE.format('machine')}::test_whoever_meets_whom_nothing_is_lost_and_nothing_is_done_twice"
DIES = f"{CRASH}::test_a_worker_that_dies_there_loses_and_doubles_nothing"
SAID = f"{ANSWERS}::test_what_a_model_says_is_read_or_is_an_error_by_rule_and_is_kept"
NO_ANSWER = f"{ANSWERS}::test_what_is_no_answer_of_a_model_ends_by_rule"
NO_TOOLS_ANSWER = f"{ANSWERS}::test_what_is_no_answer_of_a_tool_ends_by_rule"
RELEASES, PRUNE, SCHEDULES = (ENGINE.format(name) for name in ("releases", "prune", "schedules"))
INPUT, FORMS = WEB.format("api_input"), WEB.format("form_input")
DOOR, LADDER = WIRE.format("door"), f"{ENGINE.format('runs')}::TestTheLadder"
BROKERS = "tests/server/test_brokers.py"
CANT_WRITE = f"{ENGINE.format('cant_write')}::TestWhenItCantWrite"
CUT_OFF, OWN_SERVER, SQLITE = (f"{OUTAGES}::{name}" for name in ("TestCutOff", "TestAServerOfOnesOwn", "TestOnSqlite"))

FAULTS: dict[int, tuple[str, ...]] = {
    # 1–4: kill -9 before the intent, before the effect, before the commit, before the hint
    1: (DIES, MACHINE),
    2: (DIES, f"{CRASH}::test_an_error_there_loses_and_doubles_nothing"),
    3: (DIES, f"{MEETINGS}::test_what_may_have_happened_is_asked_about_and_not_sent_again"),
    4: (DIES, f"{TIME}::test_a_run_whose_hint_was_lost_is_found_by_the_sweep"),
    # 5: inside COMMIT, the reply lost
    5: (
        f"{CUT_OFF}::test_a_reply_that_is_lost_writes_nothing_twice",
        f"{CUT_OFF}::test_a_commit_that_was_still_under_way_when_it_was_asked_about_is_ones_own",
        f"{MEETINGS}::test_a_commit_whose_reply_was_lost_counts_once_whatever_comes_in_between",
        f"{CANT_WRITE}::test_a_connection_lost_around_commit_is_asked_about_and_nothing_is_written_twice",
    ),
    # 6: a worker stopped past its lapse, and woken
    6: (
        f"{DEATHS}::test_a_worker_that_sleeps_through_its_lapse_writes_nothing_when_it_wakes",
        f"{CRASH}::test_a_worker_that_sleeps_there_until_it_is_taken_for_dead_writes_nothing_when_it_wakes",
    ),
    # 7: two claim one run
    7: (
        f"{RACES}::TestClaiming::test_of_two_workers_that_want_the_same_run_one_gets_it_a_thousand_times",
        f"{MEETINGS}::test_what_is_held_is_claimed_by_nobody",
    ),
    # 8–10: hints repeated, late and shuffled; a broker emptied, down and restarted; a deaf consumer
    8: (f"{BROKERS}::test_hints_that_come_late_and_out_of_order_and_more_than_once_are_load_and_nothing_else",),
    9: (
        f"{BROKERS}::test_without_a_broker_runs_start_and_go_on_by_the_sweep_and_once_it_is_there_by_hints",
        f"{BROKERS}::test_one_that_dies_in_the_middle_and_comes_back_with_nothing_loses_hints_and_no_run",
        f"{BROKERS}::test_one_that_is_emptied_loses_hints_and_no_run",
    ),
    10: (f"{BROKERS}::test_one_at_the_end_of_a_cable_that_is_cut_and_mended_and_goes_deaf_loses_no_run",),
    # 11–14: the database restarted, read-only or full, locked, without a disk
    11: (f"{OWN_SERVER}::test_killed_three_times_while_two_workers_move_runs_it_comes_back_and_they_go_on",),
    12: (
        f"{OWN_SERVER}::test_while_it_is_read_only_nothing_is_lost_and_nobody_is_blamed",
        f"{OWN_SERVER}::test_while_it_has_no_room_for_a_session_neither",
        f"{WEB.format('trouble')}::test_a_database_that_is_gone_is_503_on_every_page_and_health_is_red",
    ),
    13: (
        f"{SQLITE}::test_a_lock_held_for_longer_than_anybody_waits_is_outlasted",
        f"{WEB.format('trouble')}::test_a_locked_database_is_said_so_and_whoever_reads_does_not_notice",
    ),
    14: (f"{SQLITE}::test_a_full_disk_stops_nothing_for_good",),
    # 15: clocks
    15: (
        f"{CLOCKS}::test_a_worker_that_is_ahead_takes_runs_from_the_living_and_doubles_nothing",
        f"{CLOCKS}::test_a_worker_that_is_behind_claims_late_is_taken_for_dead_and_doubles_nothing",
        f"{CLOCKS}::test_when_the_databases_clock_steps_back_an_hour_nobody_is_taken_for_dead_and_timers_are_late",
        f"{CLOCKS}::TestWithARealEngine::test_a_deadline_is_late_and_fires_once",
    ),
    # 16: clocks that are put forward and back; nobody there for a hundred occurrences of a schedule
    16: (
        "tests/core/test_cron.py::test_the_next_one_is_the_next_that_the_clock_shows_wherever_one_begins_to_look",
        f"{SCHEDULES}::test_in_the_nights_in_which_clocks_are_changed_each_fires_once",
        f"{SCHEDULES}::test_after_a_hundred_were_missed_it_does_as_it_says_and_tells_what_it_passed_over",
        f"{SCHEDULES}::TestWhoeverLooks::test_no_occurrence_starts_two_runs_and_none_is_lost_silently",
        f"{SCHEDULES}::test_of_workers_that_fire_at_one_moment_one_does_fifty_times",
        f"{SCHEDULES}::test_a_worker_that_dies_between_has_started_nothing_and_another_starts_it_once",
        f"{SCHEDULES}::test_what_comes_while_it_is_paused_is_not_made_up_for",
    ),
    # 17–22: what models and tools answer, and what people and programs send
    17: (
        f"{ANSWERS}::test_what_never_ends_is_ended_by_the_deadline_of_the_attempt",
        f"{ANSWERS}::test_a_tool_that_never_ends_may_have_done_it",
        f"{DOOR}::test_trouble_after_sending_is_classified_and_says_that_the_request_may_have_arrived",
    ),
    18: (
        f"{ENGINE.format('caps')}::test_a_storm_of_429_costs_no_thread_and_no_call_beyond_the_cap",
        f"{TIME}::TestBackoff::test_it_gives_the_run_back_until_it_is_due",
    ),
    19: (
        NO_ANSWER,
        NO_TOOLS_ANSWER,
        f"{LADDER}::test_transport_retries_repeat_the_same_bytes_under_the_same_key",
        f"{LADDER}::test_a_fallback_model_then_a_step_in_its_place",
        f"{WIRE.format('openai_answers')}::test_what_a_server_sends_is_read_the_one_way",
        f"{WIRE.format('anthropic_answers')}::test_what_the_server_sends_is_read_the_one_way",
    ),
    20: (
        SAID,
        f"{ANSWERS}::test_arguments_that_can_t_be_read_are_told_to_the_model_and_no_tool_is_called",
        f"{ANSWERS}::test_each_broken_answer_of_a_ladder_is_kept",
        f"{LADDER}::test_a_broken_answer_is_repaired_and_told_what_was_wrong",
        f"{INPUT}::test_a_definition_that_is_wrong_is_kept_and_told_at_its_place_and_not_published",
        f"{FORMS}::test_a_definition_that_can_not_be_read_comes_back_from_the_editor_or_stays_as_the_draft",
    ),
    21: (
        f"{WIRE.format('memory')}::test_four_answers_of_fifty_megabytes_at_once_cost_what_is_read_of_them",
        f"{WIRE.format('memory')}::test_ten_megabytes_of_nothing_are_refused_before_anything_is_made_of_them",
        f"{DOOR}::test_an_answer_above_the_cap_is_cut_while_it_streams",
        f"{WEB.format('large_bodies')}::test_fifty_megabytes_are_refused_by_pages_and_the_api_alike",
        NO_ANSWER,
        NO_TOOLS_ANSWER,
    ),
    22: (
        SAID,
        NO_TOOLS_ANSWER,
        f"{ANSWERS}::test_what_a_python_tool_gives_back_is_kept_mended_or_an_error",
        f"{INPUT}::test_a_value_that_can_t_be_read_or_is_no_text_is_refused_at_its_place",
        f"{INPUT}::test_a_value_that_can_be_kept_is_the_same_whichever_door_it_came_by",
        f"{INPUT}::test_a_definition_that_can_not_be_read_is_one_problem",
        f"{FORMS}::test_json_that_can_t_be_read_comes_back_as_it_was_typed",
        f"{FORMS}::test_text_of_any_characters_is_kept_or_mended",
        f"{WEB.format('access')}::test_a_nul_in_an_address_is_answered_once_and_asked_of_no_database",
        f"{ENGINE.format('imports')}::test_what_can_not_be_read_is_said_in_one_line_and_stored_nowhere",
        f"{ENGINE.format('imports')}::test_an_input_that_can_not_be_read_starts_no_run",
    ),
    # 23: who kills, and who was there
    23: (
        f"{DEATHS}::test_a_run_that_kills_its_worker_is_quarantined_after_three_deaths_alone_and_the_others_finish",
        f"{DEATHS}::test_runs_in_flight_on_a_machine_that_dies_again_and_again_are_not_blamed_for_it",
    ),
    # 24: what does not come to an end by itself
    24: (
        f"{ENGINE.format('runs')}::TestLoops::test_it_stops_by_rule_when_rounds_are_used_up",
        f"{ENGINE.format('runs')}::TestLoops::test_it_stops_by_rule_when_it_makes_no_progress",
        f"{ENGINE.format('runs')}::TestLimits::test_a_budget_shows_before_the_call_that_would_break_it",
    ),
    # 25: child runs
    25: (
        f"{ENGINE.format('many_children')}::test_each_is_counted_once_whoever_dies_and_never_are_there_more_than_the_window_says",
        f"{ENGINE.format('children')}::TestMap::test_no_more_live_at_once_than_concurrency_says",
        f"{ENGINE.format('children')}::TestMap::test_items_that_fail",
        f"{MEETINGS}::test_a_run_that_waits_for_its_child_runs_is_no_suspect",
        MACHINE,
    ),
    # 26: alive, and not moving
    26: (
        f"{TIME}::test_a_hung_step_is_taken_over_and_its_holder_writes_nothing_any_more",
        f"{DEATHS}::test_a_worker_whose_loop_is_blocked_stops_beating_and_its_runs_go_on_elsewhere",
    ),
    # 27, 28: a rolling deploy; a web process that is gone
    27: (f"{DEATHS}::test_a_rolling_deploy_gives_runs_back_and_blames_nobody",),
    28: (
        f"{LIVE.format('live_page')}::test_without_a_socket_the_page_polls_and_stays_current_then_comes_back",
        f"{LIVE.format('live_page')}::test_nobody_acts_on_a_stale_page_and_nothing_typed_is_lost",
        f"{LIVE.format('live_page')}::test_a_stale_page_that_is_behind_is_not_live_before_it_has_caught_up",
        f"{LIVE.format('up')}::test_a_run_that_was_under_way_when_the_process_was_killed_ends_as_its_title_says",
    ),
    # 29, 30: people and programs who send twice, and who meet
    29: (
        f"{WEB.format('sent_twice')}::test_what_is_sent_five_times_at_once_and_twice_more_is_done_once",
        f"{WEB.format('sent_twice')}::test_another_request_in_the_place_of_one_that_was_sent_is_refused_with_the_reason",
        f"{RACES}::TestStarting::test_ten_requests_with_one_key_are_one_run",
        f"{ENGINE.format('wait')}::TestAnEvent::test_that_was_sent_before_gets_the_same_answer_and_is_one",
    ),
    30: (
        f"{RACES}::TestAnswering::test_of_two_who_answer_at_once_one_wins_and_the_other_learns_who_it_was",
        f"{RACES}::TestAnswering::test_at_the_deadline_either_the_person_or_the_rule_wins",
        f"{RACES}::TestCancelling::test_between_two_commits_whatever_the_run_was_about_to_do",
        f"{WEB.format('inbox')}::test_who_comes_second_is_told_who_decided_and_keeps_the_text",
        f"{WAITS}::TestOneAfterTheOther::test_at_the_deadline_what_came_before_it_was_acted_on_counts",
        f"{WAITS}::TestOneAfterTheOther::test_a_run_that_is_cancelled_just_before_it_takes_an_event_leaves_it",
        f"{WAITS}::test_a_child_run_that_is_to_be_stopped_is_given_no_event_any_more",
        MACHINE,
    ),
    # 31, 33: what a run needs is gone; keys
    31: (
        f"{ENGINE.format('effects')}::TestGone::test_a_shared_tool_that_was_removed_is_refused_by_rule",
        f"{CRASH}::test_a_tool_that_has_gone_can_t_be_asked",
        f"{RELEASES}::test_runs_finish_on_their_version_whatever_is_published_meanwhile",
        f"{RELEASES}::test_a_step_type_that_this_release_has_no_more_goes_to_a_person_and_waits_for_its_return",
    ),
    # 32: two releases at once
    32: (
        f"{RELEASES}::test_what_a_newer_release_has_started_or_moved_an_older_one_leaves_alone",
        f"{RELEASES}::test_a_migration_only_adds_what_an_older_release_need_not_know",
        f"{RELEASES}::test_a_run_that_an_older_release_inserts_has_what_it_does_not_know_of",
    ),
    33: (
        f"{ENGINE.format('reach')}::test_a_secret_is_sealed_resolved_by_name_and_told_nowhere",
        f"{ENGINE.format('keys')}::test_a_key_that_is_revoked_takes_its_edge_at_once",
        f"{ENGINE.format('keys')}::test_rotation_loses_nothing_and_a_key_that_is_lost_is_named",
    ),
    # 35: the way there
    35: (
        f"{DOOR}::test_what_never_connects_is_known_not_to_have_been_sent",
        f"{DOOR}::test_an_expired_certificate_is_named_and_nothing_is_sent",
        f"{ENGINE.format('effects')}::test_a_call_that_certainly_did_not_leave_is_no_unknown",
    ),
    # 36, 37: pruning; a backup restored
    36: (
        f"{PRUNE}::TestWhatGoes::test_a_run_that_ended_long_ago_leaves_a_tombstone",
        f"{PRUNE}::TestWhatGoes::test_what_is_asked_for_and_nothing_else",
        f"{PRUNE}::test_workers_go_on_meanwhile",
        f"{PRUNE}::TestAValueThatIsWantedAgain::test_is_kept_for_who_wrote_it_before",
        f"{LIVE.format('live_page')}::test_a_page_of_what_is_gone_is_loaded_anew_and_says_so",
    ),
    37: (
        f"{ENGINE.format('restored')}::TestABackup::test_is_restored_and_nothing_is_done_twice",
        f"{ENGINE.format('restored')}::test_before_an_irreversible_call_a_person_is_asked_once",
        f"{ENGINE.format('restored')}::test_a_reconcilable_call_is_asked_about_before_it_is_first_sent",
        MACHINE,
        f"{MEETINGS}::test_a_worker_of_before_a_restore_is_told_by_its_fence_alone",
    ),
}  # fmt: skip

NOT_YET_THERE = {
    34: "there are no webhooks: no address takes a signed event",
}
"""Rows about what does not exist yet. Their tests come with it."""


@cache
def written_in(file: str) -> set[str]:
    """The names of its tests, as after `::`."""
    path = tree.ROOT / file
    found: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body if path.is_file() else ():
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.ClassDef):
            found |= {
                f"{node.name}::{each.name}" for each in node.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
            }
    return {name for name in found if name.rpartition("::")[2].startswith("test_")}


def test_every_row_is_tried_or_says_why_not() -> None:
    groups = (set(FAULTS), set(NOT_YET_THERE))
    assert set.union(*groups) == set(range(1, 38))
    assert sum(map(len, groups)) == 37, "a row stands twice"
    assert all(FAULTS.values())


@pytest.mark.parametrize("row", FAULTS)
def test_the_tests_of_a_row_are_there(row: int) -> None:
    missing = [test for test in FAULTS[row] if test.partition("::")[2] not in written_in(test.partition("::")[0])]
    assert missing == []
