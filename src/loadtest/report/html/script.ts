/** What the page does when a pointer is over a chart: it tells the values there. The charts stand without it. */
export const script = `
const write={ms:v=>v>=1000?+(v/1000).toPrecision(3)+" s":v<1?+(v*1000).toPrecision(3)+" µs":+v.toPrecision(3)+" ms",
count:v=>v.toLocaleString("en-US",{maximumFractionDigits:v<10?2:0}),percent:v=>Math.round(v*100)+" %"};
for(const figure of document.querySelectorAll("[data-chart]")){
  const svg=figure.querySelector("svg"),tip=figure.querySelector(".tip");
  if(!svg)continue;
  const {xs,xLabels,xUnit,format,series}=JSON.parse(figure.dataset.chart);
  const [left,right,first,last]=["left","right","first","last"].map(k=>Number(svg.dataset[k]));
  const cursor=svg.querySelector(".cursor");
  const width=svg.viewBox.baseVal.width;
  svg.addEventListener("pointermove",event=>{
    const box=svg.getBoundingClientRect();
    const x=(event.clientX-box.left)/box.width*width;
    const at=first+(x-left)/(right-left)*(last-first);
    let i=0;
    for(let n=1;n<xs.length;n++)if(Math.abs(xs[n]-at)<Math.abs(xs[i]-at))i=n;
    const place=left+(xs[i]-first)/(last-first)*(right-left);
    cursor.setAttribute("x1",place);cursor.setAttribute("x2",place);cursor.setAttribute("visibility","visible");
    tip.replaceChildren();
    const head=document.createElement("div");
    head.textContent=xLabels?xLabels[i]:(+xs[i].toFixed(xUnit==="h"?2:1))+" "+xUnit;
    tip.append(head);
    for(const {name,color,values} of series){
      if(values[i]===null)continue;
      const row=document.createElement("div"),dot=document.createElement("i"),value=document.createElement("b");
      dot.style.background="var(--"+color+")";
      value.textContent=write[format](values[i]);
      row.append(dot,name,value);tip.append(row);
    }
    tip.hidden=false;
    const offset=place/width*box.width;
    tip.style.left=offset>box.width/2?"auto":offset+14+"px";
    tip.style.right=offset>box.width/2?box.width-offset+14+"px":"auto";
  });
  svg.addEventListener("pointerleave",()=>{tip.hidden=true;cursor.setAttribute("visibility","hidden")});
}`;
