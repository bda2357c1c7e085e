
// A measured number shows its cells.
const cells = JSON.parse(document.getElementById('cells').textContent);
const sheets = JSON.parse(document.getElementById('sheets').textContent);
const dialog = document.getElementById('cell');
const escaped = text => String(text).replace(/[&<>"]/g, c => '&#' + c.charCodeAt(0) + ';');
const numbersOf = text => text ? text.split(' ').map(Number) : [];

function rocOf(cell) {
  const corners = numbersOf(cell.roc);
  let path = '';
  for (let i = 0; i < corners.length; i += 2) path += (i ? 'L' : 'M') + (40 + .24 * corners[i]) + ' ' + (260 - .24 * corners[i + 1]);
  return `<svg viewBox="0 0 300 300" role="img" aria-label="ROC curve of the image scores"><text x="40" y="13">ROC of the image scores</text>
<rect class="frame" x="40" y="20" width="240" height="240"/><line class="chance" x1="40" y1="260" x2="280" y2="20"/><path class="roc" d="${path}"/>
<text x="160" y="290" text-anchor="middle">false positive rate (%)</text><text transform="translate(12 140) rotate(-90)" text-anchor="middle">true positive rate (%)</text>
<text x="40" y="274" text-anchor="middle">0</text><text x="280" y="274" text-anchor="middle">100</text><text x="35" y="264" text-anchor="end">0</text><text x="35" y="26" text-anchor="end">100</text></svg>`;
}

function histogramOf(cell) {
  const [good, bad] = [numbersOf(cell.good), numbersOf(cell.bad)];
  // Shares of each kind, so that both can be seen where one is rare.
  const share = counts => { const sum = counts.reduce((a, b) => a + b, 0) || 1; return counts.map(count => count / sum); };
  const [shareGood, shareBad] = [share(good), share(bad)];
  const top = Math.max(...shareGood, ...shareBad) || 1;
  const bars = (shares, kind) => shares.map((value, i) =>
    value ? `<rect class="${kind}" x="${20 + i * 260 / shares.length}" y="${250 - 200 * value / top}" width="${260 / shares.length}" height="${200 * value / top}"/>` : '').join('');
  const sum = counts => counts.reduce((a, b) => a + b, 0);
  return `<svg viewBox="0 0 300 300" role="img" aria-label="Histogram of the image scores"><text x="20" y="13">Scores: share of each kind of image</text>
<rect class="good" x="20" y="22" width="10" height="10"/><text x="34" y="31">${sum(good)} good</text><rect class="bad" x="130" y="22" width="10" height="10"/><text x="144" y="31">${sum(bad)} defective</text>
${bars(shareGood, 'good')}${bars(shareBad, 'bad')}<line class="frame" x1="20" y1="250" x2="280" y2="250"/>
<text x="20" y="266">${escaped(cell.low)}</text><text x="280" y="266" text-anchor="end">${escaped(cell.high)}</text><text x="150" y="290" text-anchor="middle">score</text></svg>`;
}

function told(cell) {
  const rates = Object.entries(cell.rates).map(([name, value]) => `${escaped(name)} ${(100 * value).toFixed(1)}`).join(', ');
  const curves = cell.roc
    ? `<div class="curves">${rocOf(cell)}${histogramOf(cell)}</div>`
    : '<p class="note">This record has no scores beside it.</p>';
  return `<h3>${escaped(cell.id)}</h3><p class="note">${rates}. Network: ${escaped(cell.network)}; images to train on, good, defective: ${escaped(cell.images)}; ${escaped(cell.seconds)} s.</p>
<p><a href="${escaped(cell.file)}.json">record</a> · <a href="${escaped(cell.file)}.scores.csv">scores</a></p>
<pre>${escaped(cell.command)}</pre>${curves}`;
}

document.addEventListener('click', event => {
  const link = event.target.closest('a.tell');
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const row = link.closest('tr');
  const chosen = numbersOf(link.dataset.cells).map(place => cells[place]);
  const sheet = sheets[chosen[0].paper];
  const named = [...row.cells].map(cell => cell.textContent.trim());
  const differences = row.dataset.paper ? named[11].split('; ').filter(text => text && text !== 'nothing') : [];
  const quoted = differences.map(difference => {
    const found = sheet && sheet.lines[difference];
    return `<li>${escaped(difference)}${found ? '<ul>' + found.map(line => `<li>${escaped(line)}</li>`).join('') + '</ul>' : ''}</li>`;
  }).join('');
  dialog.querySelector('div').innerHTML = `<h2>${escaped(named.slice(0, row.dataset.paper ? 3 : 4).join(', '))}</h2>
${row.dataset.paper ? `<p>${escaped(named[9])}: published ${escaped(named[3])}, measured ${escaped(named[4])}, ${escaped(named[5])}.</p>` : ''}
${quoted ? `<h3>Where we differ, and what the sheet says</h3><ul>${quoted}</ul>` : ''}
${sheet ? `<p><a href="${escaped(sheet.href)}">The sheet on differences</a></p>` : ''}
${chosen.length > 4 ? `<p class="note">${chosen.length} cells; the first four have their curves.</p>` : ''}
${chosen.slice(0, 4).map(told).join('')}
${chosen.slice(4).map(cell => `<p><a href="${escaped(cell.file)}.json">${escaped(cell.id)}</a> · <a href="${escaped(cell.file)}.scores.csv">scores</a></p>`).join('')}
<p class="note">PRO and pixel ROC curves are not here: records keep image scores; pixel maps are not kept. The command above with --gallery N draws maps.</p>`;
  dialog.showModal();
});

// A point of a chart leads to its row, which a filter may hide.
addEventListener('hashchange', () => {
  const row = document.getElementById(location.hash.slice(1));
  if (row && row.hidden) {
    for (const field of document.querySelector('#numbers form').elements) if (field.name) field.value = '';
    document.querySelector('#numbers form').dispatchEvent(new Event('input'));
    row.scrollIntoView();
  }
});
