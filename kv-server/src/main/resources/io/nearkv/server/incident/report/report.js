// Shows the minute and the share under the pointer in a chart. Everything it says is also in the tables.
(function () {
  var readout = document.getElementById('readout');
  document.querySelectorAll('svg[data-left]').forEach(function (svg) {
    var left = +svg.dataset.left, width = +svg.dataset.width, minutes = +svg.dataset.minutes;
    var line = document.createElementNS('http://www.w3.org/2000/svg', 'line');
    line.setAttribute('class', 'crosshair');
    line.setAttribute('y1', svg.dataset.top);
    line.setAttribute('y2', svg.dataset.bottom);
    line.setAttribute('visibility', 'hidden');
    svg.appendChild(line);
    function hide() { readout.style.display = 'none'; line.setAttribute('visibility', 'hidden'); }
    svg.addEventListener('mouseleave', hide);
    svg.addEventListener('mousemove', function (event) {
      var point = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
      var minute = Math.floor((point.x - left) / width * minutes);
      if (minute < 0 || minute >= minutes) { hide(); return; }
      var clock = 18 * 60 + 58 + minute;
      var text = ('0' + Math.floor(clock / 60) % 24).slice(-2) + ':' + ('0' + clock % 60).slice(-2);
      svg.querySelectorAll('[data-shares]').forEach(function (row) {
        if (row.dataset.y && (point.y < +row.dataset.y || point.y > +row.dataset.y + +row.dataset.h)) { return; }
        var share = row.dataset.shares.split(',')[minute];
        text += ' · ' + row.dataset.name + ': ' + (share === '' ? 'no request' : share + (row.dataset.unit || ' % failed'));
      });
      readout.textContent = text;
      readout.style.display = 'block';
      readout.style.left = Math.min(event.clientX + 14, innerWidth - readout.offsetWidth - 8) + 'px';
      readout.style.top = event.clientY + 16 + 'px';
      var x = left + (minute + 0.5) / minutes * width;
      line.setAttribute('x1', x); line.setAttribute('x2', x); line.setAttribute('visibility', 'visible');
    });
  });
})();
