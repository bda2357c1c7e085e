'use strict';

// Theme: the system's, until the button chooses.
const root = document.documentElement;
const themeButton = document.getElementById('theme');
const systemDark = matchMedia('(prefers-color-scheme: dark)');
const isDark = () => root.dataset.theme ? root.dataset.theme === 'dark' : systemDark.matches;
const labelTheme = () => { themeButton.textContent = isDark() ? 'Light' : 'Dark'; };
themeButton.addEventListener('click', () => { root.dataset.theme = isDark() ? 'light' : 'dark'; labelTheme(); drawAll(); });
systemDark.addEventListener('change', () => { labelTheme(); drawAll(); });
labelTheme();

// Charts: drawn when they come near the view, again when theme or width change.
const styles = () => {
  const style = getComputedStyle(root);
  return name => style.getPropertyValue(name).trim();
};
function draw(holder) {
  const figure = JSON.parse(document.getElementById('data-' + holder.id).textContent);
  const colour = styles();
  const axis = {gridcolor: colour('--line'), zerolinecolor: colour('--line'), linecolor: colour('--line'), automargin: true};
  const layout = Object.assign({}, figure.layout, {
    paper_bgcolor: 'rgba(0,0,0,0)', plot_bgcolor: 'rgba(0,0,0,0)',
    font: {family: getComputedStyle(document.body).fontFamily, size: 12, color: colour('--ink')},
    margin: {l: 10, r: 10, t: 30, b: 40}, width: holder.clientWidth,
    hoverlabel: {namelength: -1},
    // The caption above has the title.
    legend: Object.assign({}, figure.layout.legend, {title: {text: ''}}),
    xaxis: Object.assign({}, figure.layout.xaxis, axis), yaxis: Object.assign({}, figure.layout.yaxis, axis),
  });
  Plotly.react(holder, figure.data, layout, {displaylogo: false, responsive: false, displayModeBar: false});
  holder.dataset.drawn = 'true';
}
const holders = [...document.querySelectorAll('.plot[data-chart]')];
function drawAll() {
  if (window.Plotly) holders.filter(holder => holder.dataset.drawn).forEach(draw);
}
if (window.Plotly) {
  const near = new IntersectionObserver(entries => {
    for (const entry of entries) {
      if (entry.isIntersecting && !entry.target.dataset.drawn) draw(entry.target);
    }
  }, {rootMargin: '600px'});
  holders.forEach(holder => near.observe(holder));
  let width = innerWidth;
  addEventListener('resize', () => { if (innerWidth !== width) { width = innerWidth; drawAll(); } });
}

// Tables: a click on a heading sorts by it, a second one the other way round.
const key = cell => cell.dataset.sort !== undefined ? cell.dataset.sort : cell.textContent.trim();
for (const button of document.querySelectorAll('thead button')) {
  button.addEventListener('click', () => {
    const heading = button.closest('th');
    const index = [...heading.parentElement.children].indexOf(heading);
    const descending = heading.getAttribute('aria-sort') === 'ascending';
    for (const other of heading.parentElement.children) other.removeAttribute('aria-sort');
    heading.setAttribute('aria-sort', descending ? 'descending' : 'ascending');
    const body = heading.closest('table').tBodies[0];
    const compare = (a, b) => {
      const [left, right] = [key(a.children[index]), key(b.children[index])];
      const [x, y] = [parseFloat(left), parseFloat(right)];
      const order = isNaN(x) || isNaN(y) ? left.localeCompare(right, 'en', {numeric: true}) : x - y;
      return descending ? -order : order;
    };
    body.append(...[...body.rows].sort(compare));
  });
}

// Filters: each form narrows the items of its target by data attributes of the same names.
for (const form of document.querySelectorAll('form[data-target]')) {
  const items = [...document.querySelectorAll(form.dataset.target)];
  const output = form.querySelector('output');
  const apply = () => {
    let shown = 0;
    for (const item of items) {
      const visible = [...form.elements].every(field => {
        if (!field.name || !field.value) return true;
        if (field.type === 'search') return item.textContent.toLowerCase().includes(field.value.toLowerCase());
        return (' ' + item.dataset[field.name] + ' ').includes(' ' + field.value + ' ');
      });
      item.hidden = !visible;
      if (visible) shown++;
    }
    output.value = shown + ' of ' + items.length;
  };
  form.addEventListener('input', apply);
  form.addEventListener('submit', event => event.preventDefault());
  apply();
}
