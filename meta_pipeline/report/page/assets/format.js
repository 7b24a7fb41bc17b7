// How times and numbers read; times are seconds since 1970, in UTC.

const STATUSES = ["unreachable", "failing", "stalled", "late", "partial", "anomalous", "new", "healthy", "retired"];
const TONES = {
  unreachable: "critical",
  failing: "critical",
  critical: "critical",
  failed: "critical",
  interrupted: "critical",
  stalled: "warning",
  late: "warning",
  partial: "warning",
  anomalous: "warning",
  warning: "warning",
  unfinished: "warning",
  with_failed_jobs: "warning",
  new: "new",
  info: "new",
  healthy: "good",
  succeeded: "good",
  loaded: "good",
  complete: "good",
  empty: "quiet",
  retired: "quiet",
};

const DAY = 86400;
const now = () => Date.now() / 1000;
const words = (value) => String(value).replaceAll("_", " ");
const number = (value) =>
  value === null || value === undefined ? "" : Number(value).toLocaleString("en-US", { maximumFractionDigits: 1 });
const counted = (count, noun) => `${number(count)} ${noun}${count === 1 ? "" : "s"}`;
const status = (value) => badge(TONES[value] || "quiet", words(value));
const rank = (value) => (STATUSES.indexOf(value) + STATUSES.length + 1) % (STATUSES.length + 1);

function span(seconds) {
  let left = Math.max(Math.round(seconds), 0);
  if (left > 600) left -= left % 60;
  const parts = [];
  for (const [size, unit] of [
    [DAY, "d"],
    [3600, "h"],
    [60, "min"],
    [1, "s"],
  ]) {
    const count = Math.floor(left / size);
    if (count) parts.push(`${count} ${unit}`);
    left -= count * size;
  }
  return parts.slice(0, 2).join(" ") || "0 s";
}

const iso = (seconds) => new Date(seconds * 1000).toISOString();
const date = (seconds) => iso(seconds).slice(0, 10);
const minute = (seconds) => iso(seconds).slice(0, 16).replace("T", " ");

function when(seconds) {
  return seconds === null || seconds === undefined
    ? ""
    : h("time", { datetime: iso(seconds), class: "nowrap" }, minute(seconds));
}

function ago(seconds) {
  const distance = now() - seconds;
  return distance < 0 ? `in ${span(-distance)}` : `${span(distance)} ago`;
}

const whenAndAgo = (seconds) =>
  seconds === null || seconds === undefined
    ? soft("unknown")
    : [when(seconds), " ", h("span", { class: "soft small nowrap" }, ago(seconds))];

const ORCHESTRATORS = {
  github_actions: "GitHub Actions",
  gitlab_ci: "GitLab CI",
  airflow: "Airflow",
  dagster: "Dagster",
  prefect: "Prefect",
  kubernetes: "Kubernetes",
  aws_lambda: "AWS Lambda",
  gcp_cloud_function: "Cloud Functions",
};
const orchestrator = (value) => value && (ORCHESTRATORS[value] || words(value));
