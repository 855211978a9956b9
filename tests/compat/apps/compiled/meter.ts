import {LayoutDOM, LayoutDOMView} from "models/layouts/layout_dom"
import type * as p from "core/properties"

export class MeterView extends LayoutDOMView {
  declare model: Meter

  private shown: HTMLElement

  get child_models(): LayoutDOM[] {
    return []
  }

  override render(): void {
    super.render()
    this.shown = document.createElement("p")
    this.shown.addEventListener("click", () => this.model.level += 1)
    this.shadow_el.append(this.shown)
    this.show()
  }

  override connect_signals(): void {
    super.connect_signals()
    this.connect(this.model.properties.level.change, () => this.show())
  }

  private show(): void {
    this.shown.textContent = `level ${this.model.level}`
  }
}

export namespace Meter {
  export type Attrs = p.AttrsOf<Props>

  export type Props = LayoutDOM.Props & {
    level: p.Property<number>
  }
}

export interface Meter extends Meter.Attrs {}

export class Meter extends LayoutDOM {
  declare properties: Meter.Props
  declare __view_type__: MeterView

  constructor(attrs?: Partial<Meter.Attrs>) {
    super(attrs)
  }

  static {
    this.prototype.default_view = MeterView

    this.define<Meter.Props>(({Int}) => ({
      level: [ Int, 0 ],
    }))
  }
}
